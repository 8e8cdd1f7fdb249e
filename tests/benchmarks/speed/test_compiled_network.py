"""torch.compile on the CPU: the labels of the network as it is, or what it lacks.

A whole network takes minutes to compile: here a single convolution stands for one.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.speed.torch_ways import _COMPILERS, _compiled
from ocrnet.zoo import get_spec
from tests.patience import patience

SPEC = get_spec("demo")
_NO_COMPILER = """
import torch
from tests.benchmarks.speed.test_compiled_network import SPEC, Small
from benchmarks.speed.torch_ways import _compiled
from ocrnet.errors import EngineError
try:
    _compiled(Small(), SPEC, torch.zeros(1, 16, 16, 3, dtype=torch.uint8))
except EngineError as error:
    print(error)
"""


class Small(torch.nn.Module):
    """uint8 (N, H, W, 3) → logits (N, 4, ⌈H/4⌉, ⌈W/4⌉)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = torch.nn.Conv2d(3, 4, 3, stride=4, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.convolution(images.permute(0, 3, 1, 2).float())
        return logits


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own, of what it uses
@pytest.mark.skipif(not any(map(shutil.which, _COMPILERS)), reason="there is no C++ compiler")
def test_it_labels_as_the_network_does() -> None:
    network = Small().eval()
    images = torch.randint(0, 256, (2, 16, 24, 3), dtype=torch.uint8)
    logits, labels = _compiled(network, SPEC, images)(images)
    with torch.no_grad():
        expected = network(images)
    torch.testing.assert_close(logits, expected)
    full = torch.nn.functional.interpolate(expected, (16, 24), mode="bilinear")
    assert (labels != full.argmax(1)).float().mean() < 0.01


@pytest.mark.thorough
def test_without_a_compiler_the_error_names_one(root: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "PATH": str(tmp_path),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": str(root),
    }
    environment.pop("CXX", None)
    ended = subprocess.run(
        [sys.executable, "-c", _NO_COMPILER],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=patience(20),
        check=False,
    )
    assert "torch.compile failed: " in ended.stdout, ended.stderr
    assert "(it needs a C++ compiler: g++)" in ended.stdout
