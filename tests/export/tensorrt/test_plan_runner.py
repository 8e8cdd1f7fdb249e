"""Plans are checked against this machine before they are run, and run by Polygraphy."""

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from export.tensorrt.api import Gpu
from export.tensorrt.plan_runner import PlanGraph, check_plan
from ocrnet.artefacts import BuildFacts, Manifest, PlanFacts, PlanGpu, read_manifest
from ocrnet.errors import ArtefactError, EngineError, OcrnetError, OutOfMemory


def _manifest(capability: str, version: str) -> Manifest:
    return Manifest(
        "demo", "window", "tensorrt", "float16", "model.plan", {}, 512, 1024, ["logits"], 19,
        "", "", {"tensorrt": version}, {}, gpu=PlanGpu("", capability, ""),
    )  # fmt: skip


def test_a_plan_holds_for_one_gpu_and_one_version() -> None:
    here = Gpu("NVIDIA A100", "8.0", "610.43")
    check_plan(Path("model.plan"), _manifest("8.0", "11.1.0"), here, "11.1.0")
    with pytest.raises(ArtefactError, match=r"built for compute capability 9\.0.*has 8\.0"):
        check_plan(Path("model.plan"), _manifest("9.0", "11.1.0"), here, "11.1.0")
    with pytest.raises(ArtefactError, match=r"built by TensorRT 10\.13.*here is 11\.1"):
        check_plan(Path("model.plan"), _manifest("8.0", "10.13.3"), here, "11.1.0")


def test_a_plan_gives_copies_of_the_outputs_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a runner in the place of Polygraphy's, which needs a GPU."""
    profiles: list[int] = []

    class Runner:
        logits, labels = np.zeros((1, 19, 1, 1), np.float32), np.zeros((1, 4, 4), np.uint8)
        active = False

        def __init__(self, engine: object):
            assert engine == b"a plan"

        def activate(self) -> None:
            self.active = True

        def set_profile(self, index: int) -> None:
            profiles.append(index)

        def infer(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            assert self.active
            assert given["image"].flags.c_contiguous
            self.logits += 1
            return {"logits": self.logits, "labels": self.labels}

        def deactivate(self) -> None:
            self.active = False

    polygraphy = SimpleNamespace(EngineFromBytes=lambda data: data, TrtRunner=Runner)
    monkeypatch.setitem(sys.modules, "polygraphy.backend.trt", polygraphy)
    gpu, tensorrt = Gpu("NVIDIA A100", "8.0", "610.43"), SimpleNamespace(__version__="11.1.0")
    monkeypatch.setattr("export.tensorrt.plan_runner.find_gpu", lambda: gpu)
    monkeypatch.setattr("export.tensorrt.plan_runner.load_tensorrt", lambda _: tensorrt)
    manifest = dataclasses.replace(
        _manifest("8.0", "11.1.0"),
        outputs=["logits", "labels"],
        build=BuildFacts(plan=PlanFacts(3, 0, "none", 0, None, 2, 612, 1.0, 80.0, tf32=False)),
    )
    manifest.write(tmp_path)
    (tmp_path / manifest.file).write_bytes(b"a plan")
    graph = PlanGraph(tmp_path / manifest.file)
    assert graph.outputs == {"logits", "labels"}
    images = np.zeros((1, 8, 4, 3), np.uint8)[:, ::2]
    first = graph.run(images, "logits")
    found = graph.run_outputs(images, ["logits", "labels"])
    assert (first.max(), found["logits"].max(), found["labels"].shape) == (1, 2, (1, 4, 4))
    for count in (2, 8, 1):
        graph.run(np.zeros((count, 4, 4, 3), np.uint8), "logits")
    assert profiles == [1, 0, 1]  # a single image has a profile of its own
    graph.close()
    with pytest.raises(AssertionError):
        graph.run(images, "logits")


@pytest.mark.parametrize(
    ("fails", "said", "kind", "translated"),
    [
        ("activate", "Could not deserialize engine", ArtefactError, "TensorRT cannot load .*plan"),
        ("activate", "CUDA error: out of memory", OutOfMemory, "memory"),
        ("infer", "CUDA error: 700", EngineError, r"failed on images of shape \(1, 8, 4, 3\)"),
        ("infer", "Cuda Runtime (out of memory)", OutOfMemory, "memory"),
    ],
)
def test_what_polygraphy_raises_is_ours(
    fails: str,
    said: str,
    kind: type[OcrnetError],
    translated: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exception = pytest.importorskip("polygraphy.exception")

    class Runner:
        def __init__(self, engine: object):
            pass

        def __getattr__(self, name: str):
            def call(*_: object, **__: object) -> None:
                if name == fails:
                    raise exception.PolygraphyException(said)

            return call

    polygraphy = SimpleNamespace(EngineFromBytes=lambda data: data, TrtRunner=Runner)
    monkeypatch.setitem(sys.modules, "polygraphy.backend.trt", polygraphy)
    gpu, tensorrt = Gpu("NVIDIA A100", "8.0", "610.43"), SimpleNamespace(__version__="11.1.0")
    monkeypatch.setattr("export.tensorrt.plan_runner.find_gpu", lambda: gpu)
    monkeypatch.setattr("export.tensorrt.plan_runner.load_tensorrt", lambda _: tensorrt)
    manifest = _manifest("8.0", "11.1.0")
    manifest.write(tmp_path)
    (tmp_path / manifest.file).write_bytes(b"a plan")
    with pytest.raises(kind, match=translated) as caught:
        PlanGraph(tmp_path / manifest.file).run(np.zeros((1, 8, 4, 3), np.uint8), "logits")
    assert type(caught.value) is kind


def test_a_manifest_of_a_plan_is_readable_json(tmp_path: Path) -> None:
    path = _manifest("8.0", "11.1.0").write(tmp_path)
    assert json.loads(path.read_text())["gpu"] == {"compute_capability": "8.0"}
    assert read_manifest(path) == _manifest("8.0", "11.1.0")
