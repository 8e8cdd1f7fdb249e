"""Step: logits and labels of the device against the CPU's and mmsegmentation's.

python -m benchmarks.acceptance.parity pytorch|onnxruntime FOLDER FILE

Networks: the demo with its own weights against PyTorch in float32 on the CPU, and those of the
reference data with random weights against mmsegmentation's logits. The error with TF32, PyTorch's
default for convolutions, is reported and not judged.
"""

import copy
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from benchmarks.lib.json_files import write_json
from benchmarks.speed.case import Arithmetic, EngineName
from benchmarks.speed.torch_ways import open_label, set_tf32, way
from export.checkpoints.loading import RANDOM_WEIGHTS, load_model
from export.evaluation.figures import finite
from export.evaluation.gates import Gate, gate_for, shortcomings
from export.evaluation.tally import Tally
from ocrnet.artefacts import Precision
from ocrnet.errors import OcrnetError
from ocrnet.scenes import draw_scene
from ocrnet.zoo import ModelSpec, Size, get_spec, load_zoo

Facts = dict[str, Any]
Images = NDArray[np.uint8]
Expected = tuple[NDArray[np.float32], NDArray[np.integer[Any]]]  # logits, labels
_GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
_Ways = tuple[tuple[EngineName, Arithmetic], ...]
_WAYS: _Ways = (
    ("torch", "float32"),
    ("torch", "tf32"),
    ("torch", "float16"),
    ("torch-graph", "float32"),
    ("torch-graph", "tf32"),
    ("torch-graph", "float16"),
    ("torch-graph-channels-last", "float16"),
    ("torch-autocast", "float16"),
)
# The shapes that are timed: whole pictures, and the nine windows of one.
_SHAPES = ((1, Size(1024, 2048)), (9, Size(512, 1024)))


def demo_rows(
    place: str,
    shapes: tuple[tuple[int, Size], ...] = _SHAPES,
    ways: _Ways = _WAYS,
) -> Iterator[Facts]:
    """Compare PyTorch's ways on that device with PyTorch in float32 on the CPU."""
    from export.graphs.source import DEMO_WEIGHTS

    spec = get_spec("demo")
    network = load_model(spec, DEMO_WEIGHTS)
    for batch, size in shapes:
        images = scenes(batch, size)
        expected = on_cpu(network, spec, images)
        given = torch.from_numpy(images).to(place)
        for engine, precision in ways:
            facts = {"network": spec.name, "size": str(size), "batch": batch}
            facts |= {"engine": engine, "precision": precision}
            facts["against"] = "PyTorch in float32 on the CPU"
            with tf32_allowed(precision == "tf32"):
                chosen = way(engine, precision)
                try:
                    own = copy.deepcopy(network).to(place)
                    logits, labels = open_label(own, spec, chosen, given)(given)
                    yield facts | _judged(expected, logits, labels, _gate(precision, trained=True))
                except (OcrnetError, torch.OutOfMemoryError, torch.AcceleratorError) as error:
                    yield facts | {"error": str(error)}


def golden_rows(place: str, names: list[str] | None = None) -> Iterator[Facts]:
    """Compare the networks of the reference data with mmsegmentation's logits; default: all."""
    images = _golden_module().image
    zoo = {spec.architecture: spec for spec in reversed(load_zoo().values()) if spec.name != "demo"}
    for name in names or [path.stem for path in sorted(_GOLDEN.glob("*.npz"))]:
        spec = zoo.get(name.replace("r101_", "r101-d8_"))
        if spec is None:  # pictures of whole modes, and the authors' own weights
            continue
        width = 192 if spec.dataset == "cityscapes" else 96
        image: Images = images(96, width, 1)[None]
        reference = np.load(_GOLDEN / f"{name}.npz")["logits"][None]
        expected = (reference, _labels(torch.from_numpy(reference), spec, Size(96, width)))
        given = torch.from_numpy(image).to(place)
        network = load_model(spec, RANDOM_WEIGHTS).to(place)
        ways: _Ways = (("torch", "float32"), ("torch", "float16"))
        for engine, precision in ways:
            with tf32_allowed(False):
                logits, labels = open_label(network, spec, way(engine, precision), given)(given)
            yield {
                "network": spec.architecture, "size": str(Size(96, width)), "batch": 1,
                "engine": engine, "precision": precision,
                "against": "mmsegmentation 1.2.2",
            } | _judged(expected, logits, labels, _gate(precision, trained=False))  # fmt: skip


def onnxruntime_rows(
    device_name: str, folder: Path, shapes: tuple[tuple[int, Size], ...] = _SHAPES
) -> Iterator[Facts]:
    """Compare ONNX Runtime on that device, by the product's plain graphs, with PyTorch's float32.

    Logits are fetched as an engine does it, labels by IO binding.
    """
    from benchmarks.speed.device import claimed_device
    from benchmarks.speed.device_runners import BoundGraph, on_device
    from benchmarks.speed.graph_runtimes import ready_graph
    from export.artefacts.targets import Target
    from export.graphs.source import DEMO_WEIGHTS, Source
    from ocrnet.artefacts import Kind

    spec, device = get_spec("demo"), claimed_device(device_name)
    source = Source(spec, str(DEMO_WEIGHTS))
    precisions: tuple[Precision, ...] = ("float32",) if device.is_cpu else ("float32", "float16")
    for batch, size in shapes:
        kind: Kind = "dynamic"
        if size in (spec.whole, spec.crop):
            kind = "whole" if size == spec.whole else "window"
        images = scenes(batch, size)
        expected = on_cpu(source.network, spec, images)
        for precision in precisions:
            facts = {"network": spec.name, "size": str(size), "batch": batch}
            facts |= {"engine": "onnxruntime-bound", "precision": precision}
            facts["against"] = "PyTorch in float32 on the CPU"
            try:
                target = Target("onnx", precision)
                path = ready_graph(source, kind, target, folder, optimised=False)
                graph, given = BoundGraph(path, device), on_device(images, device)
                logits = torch.from_numpy(np.asarray(graph.run(images, "logits"), np.float32))
                labels = graph.bind(given, spec)(given)[1]
            except OcrnetError as error:
                yield facts | {"error": str(error)}
                continue
            yield facts | _judged(expected, logits, labels, _gate(precision, trained=True))


def scenes(batch: int, size: Size) -> Images:
    """Return synthetic scenes, each another one: uint8 (batch, H, W, 3)."""
    return np.stack([draw_scene(seed, size.height, size.width).image for seed in range(batch)])


def on_cpu(network: torch.nn.Module, spec: ModelSpec, images: Images) -> Expected:
    """Return PyTorch's float32 logits and labels of these images."""
    with torch.inference_mode():
        logits: Tensor = network(torch.from_numpy(images))
    return logits.numpy(), _labels(logits, spec, Size(*images.shape[1:3]))


@contextmanager
def tf32_allowed(allowed: bool) -> Iterator[None]:
    """Inside, as `set_tf32`; then as before."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    set_tf32(allowed)
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before


def _labels(logits: Tensor, spec: ModelSpec, size: Size) -> NDArray[np.integer[Any]]:
    """By PyTorch on the CPU, one picture at a time: all of them would be 750 MB."""
    corners, shape = spec.align_corners, (size.height, size.width)
    parts = [
        interpolate(one[None], shape, mode="bilinear", align_corners=corners).argmax(1).numpy()
        for one in logits
    ]
    return np.concatenate(parts)


def _gate(precision: Arithmetic, *, trained: bool) -> Gate | None:
    """None for TF32, which no artefact is built in."""
    if precision == "tf32":
        return None
    return gate_for(precision, trained=trained, changed_labels=None, miou_loss=None)


def _judged(expected: Expected, logits: Tensor, labels: Tensor, gate: Gate | None) -> Facts:
    """gate: None: the figures alone."""
    tally = Tally(expected[0].shape[1], labelled=False)
    changed = labels.cpu().numpy() != expected[1]
    tally.add_logits(expected[0], logits.float().cpu().numpy())
    tally.add_changed(changed)
    figures = tally.figures()
    error, share = finite(figures.logit_error), figures.changed_labels
    facts: Facts = {"logit_error": error, "changed_labels": share}
    if gate is None:
        return facts | {"verdict": "not judged"}
    reasons = shortcomings(gate, figures)
    allowed = {"logit_error": gate.logit_error, "changed_labels": gate.changed_labels}
    verdict = "fail" if reasons else "pass"
    return facts | {"allowed": allowed, "verdict": verdict, "reasons": reasons}


def _golden_module() -> Any:
    found = importlib.util.spec_from_file_location("golden_weights", _GOLDEN / "weights.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def main() -> int:
    """Command line; 1 if a row is not within its gate."""
    what, folder, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    rows: list[Facts] = []

    def all_rows() -> Iterator[Facts]:
        if what == "onnxruntime":
            from export.tensorrt.api import find_gpu

            yield from onnxruntime_rows(find_gpu().name, folder)
        else:
            yield from demo_rows("cuda")
            yield from golden_rows("cuda")

    for row in all_rows():
        rows.append(row)
        write_json(file, {"results": rows})
        print(row, flush=True)
    return 1 if any("error" in row or row["verdict"] == "fail" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
