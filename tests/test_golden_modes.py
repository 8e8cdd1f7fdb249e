"""mmsegmentation's own label maps through the product's whole path, over real HTTP."""

import asyncio
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from types import ModuleType

import httpx2
import numpy as np
import pytest
import torch
from PIL import Image

from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.source import Source
from ocrnet.artefacts import Artefact, find_graphs
from ocrnet.engines import Engine, open_engine
from ocrnet.inference.logits import NetworkLogits, ResizedLogits
from ocrnet.inference.stitching import StitchedLogits
from ocrnet.inference.windows import plan_windows
from ocrnet.zoo import Size, get_spec

pytestmark = pytest.mark.slow

MODELS = {
    "hr18s_cityscapes": "ocrnet_hr18s_cityscapes_40k",
    "hr18s_ade20k": "ocrnet_hr18s_ade20k_80k",
    "r101_cityscapes": "ocrnet_r101-d8_cityscapes_40k_b8",
}
MODES = {
    "whole": {"mode": "whole"},
    "slide": {"mode": "slide", "crop": "128x128", "stride": "85x85"},
    "published": {"mode": "whole", "resize": "published"},
    "tta": {"mode": "whole", "scales": "0.5,0.75,1.0,1.25,1.5,1.75", "flip": "1"},
}


@pytest.fixture(scope="module")
def open_served(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Engine]:
    """Open an engine of the model of that name in the reference data; its graph is built once."""

    @cache
    def graphs(reference: str) -> list[Artefact]:
        spec = get_spec(MODELS[reference])
        repository = tmp_path_factory.mktemp("repository")
        source, target = Source(spec, "stand-in"), Target("onnx", "float32")
        build_artefact(source, "dynamic", target, BuildSettings(repository))
        return find_graphs(repository, spec)

    return lambda reference: open_engine(get_spec(MODELS[reference]), graphs(reference))


def _mask(client: httpx2.Client, data: bytes, **query: str) -> np.ndarray:
    answer = client.post("/segment", params=query, files={"image": data})
    assert answer.status_code == 200, answer.text
    picture = Image.open(BytesIO(answer.content))
    assert picture.mode == "P"
    return np.asarray(picture)


# What differs with the backbone and the data set is shown by tests/export/test_network.py; a mode
# is the same for all.
@pytest.mark.parametrize(
    ("reference", "modes"),
    [
        ("hr18s_cityscapes", ["whole", "slide", "tta"]),
        pytest.param("hr18s_cityscapes", ["published"], marks=pytest.mark.thorough),
        ("hr18s_ade20k", list(MODES)),
        pytest.param("r101_cityscapes", list(MODES), marks=pytest.mark.thorough),
    ],
)
def test_label_maps_of_every_mode(
    reference: str,
    modes: list[str],
    open_served: Callable[[str], Engine],
    gateway: Callable[..., httpx2.Client],
    golden: Path,
) -> None:
    expected = np.load(golden / "modes_197x331_seed2.npz")
    picture = (golden / "picture_197x331_seed2.png").read_bytes()
    client = gateway(open_served(reference), MODELS[reference])
    for mode in modes:
        labels = _mask(client, picture, **MODES[mode])
        agreement = (labels == expected[f"{reference}_{mode}_label"]).mean()
        assert agreement >= 0.9999, (reference, mode, agreement)


@pytest.mark.parametrize(
    "reference",
    [
        "hr18s_cityscapes",
        "hr18s_ade20k",
        pytest.param("r101_cityscapes", marks=pytest.mark.thorough),
    ],
)
def test_full_size_logits_of_whole_and_slide(
    reference: str,
    open_served: Callable[[str], Engine],
    golden: Path,
    golden_weights: ModuleType,
) -> None:
    expected = np.load(golden / "modes_197x331_seed2.npz")
    image = golden_weights.image(197, 331, 2)
    size = Size(197, 331)

    async def logits() -> dict[str, np.ndarray]:
        engine = open_served(reference)
        try:
            output = await engine.infer(image[None], "logits")
            whole = ResizedLogits(NetworkLogits(output[0]), size, align_corners=False)
            plan = plan_windows(size, Size(128, 128), Size(85, 85))
            stride = get_spec(MODELS[reference]).output_stride
            slide = StitchedLogits(plan, blend="uniform", output_stride=stride, align_corners=False)
            for window in plan:
                slide.add(window, (await engine.infer(image[None, *window.slices], "logits"))[0])
            return {"whole": whole.rows(0, 197), "slide": slide.rows(0, 197)}
        finally:
            await engine.close()

    for mode, actual in asyncio.run(logits()).items():
        wanted = expected[f"{reference}_{mode}_logits_every7"]
        np.testing.assert_allclose(
            actual[:, ::7, ::7], wanted, rtol=0, atol=1e-4 * np.abs(wanted).max()
        )


@pytest.mark.thorough  # its two halves: tests/export/test_checkpoints.py and the models above
def test_the_authors_full_size_label_map(
    tmp_path: Path,
    gateway: Callable[..., httpx2.Client],
    golden: Path,
    golden_weights: ModuleType,
    encode: Callable[..., bytes],
) -> None:
    """From a checkpoint with the authors' names to the mask over HTTP."""
    name = "ocrnet_hr48_cityscapes_authors"
    names = json.loads((golden / "official_checkpoint_keys.json").read_text())
    saved = {
        key: torch.from_numpy(golden_weights.tensor(key, tuple(shape)))
        for key, shape in names.items()
        if not key.endswith("num_batches_tracked")
    }
    torch.save(saved, tmp_path / "authors.pth")
    source = Source(get_spec(name), str(tmp_path / "authors.pth"))
    build_artefact(source, "dynamic", Target("onnx", "float32"), BuildSettings(tmp_path))
    client = gateway(open_engine(get_spec(name), find_graphs(tmp_path, get_spec(name))), name)
    labels = _mask(client, encode(golden_weights.image(96, 192, 1)), mode="whole")
    expected = np.load(golden / "official_hr48_cityscapes.npz")["label"]
    assert (labels == expected).mean() >= 0.9999
