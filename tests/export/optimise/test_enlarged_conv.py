import pytest
import torch

from export.network.layers import resize
from export.optimise.enlarged_conv import conv3x3_of_enlarged


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    ("low", "high"), [((8, 16), (64, 128)), ((3, 5), (17, 33)), ((1, 2), (4, 3))]
)
def test_is_a_convolution_of_the_enlarged_tensor(
    low: tuple[int, int], high: tuple[int, int], align_corners: bool
) -> None:
    """In float64, forwards and backwards; odd sizes and a single row among them."""
    random = torch.Generator().manual_seed(3)
    x = torch.randn(2, 7, *low, dtype=torch.float64, generator=random).requires_grad_()
    weight = torch.randn(5, 7, 3, 3, dtype=torch.float64, generator=random).requires_grad_()
    found = conv3x3_of_enlarged(x, weight, *high, align_corners=align_corners)
    expected = torch.conv2d(resize(x, *high, align_corners=align_corners), weight, padding=1)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    towards = torch.randn(expected.shape, dtype=torch.float64, generator=random)
    for ours, plain in zip(
        torch.autograd.grad(found, (x, weight), towards),
        torch.autograd.grad(expected, (x, weight), towards),
        strict=True,
    ):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9)
