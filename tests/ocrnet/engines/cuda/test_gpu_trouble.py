"""What the engine for GPUs does where capturing fails, memory is short or the GPU stops working."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrnet.artefacts import find_graphs
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.cuda import bound_graph
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
from ocrnet.engines.cuda.fixed_graph import FixedBatchGraph, check_replay, open_batched
from ocrnet.engines.cuda.open_on_gpu import open_batching_engine
from ocrnet.engines.engine_options import Provider
from ocrnet.errors import ArtefactError, DeviceLost, EngineError, OutOfMemory
from ocrnet.zoo import get_spec
from tests.ocrnet.engines.cuda.colours import (
    CPU,
    GPU,
    SIZE,
    PretendedGpu,
    colours_model,
    right_answer,
    some_images,
)

SPEC = get_spec("demo")


@pytest.fixture(scope="module")
def colours() -> bytes:
    return colours_model()


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (np.zeros((1, 2), np.float32), r"gave \(1, 2\), not \(2, 2\)"),
        (np.array([[0, 1], [2, 3.01]], np.float32), "differs .* by 0.0033"),
        (np.array([[0, 1], [2, np.nan]], np.float32), "other finite values"),
        (np.array([[0, 1], [2, 3.02]], np.float16), "differs"),
        (np.array([[0, 1], [2, 4]], np.uint8), "differs .* by 0.25"),
    ],
)
def test_a_replay_that_is_not_the_run_it_repeats_is_found(
    found: NDArray[np.generic], told: str
) -> None:
    with pytest.raises(EngineError, match=told):
        check_replay(found, np.array([[0, 1], [2, 3]], found.dtype))


def test_roundings_are_no_difference() -> None:
    for kind in (np.float32, np.float16, np.uint8):
        check_replay(np.array([1, 2, 3], kind), np.array([1, 2, 3], kind))
    check_replay(np.array([3.004], np.float16), np.array([3], np.float16))
    check_replay(np.zeros(2, np.float32), np.zeros(2, np.float32))
    # A graph that overflows does so in both; who calls it looks at its logits.
    check_replay(np.array([np.inf, np.nan, 3]), np.array([np.inf, np.nan, 3]))
    with pytest.raises(EngineError, match="other finite values"):
        check_replay(np.array([np.inf, 1, 3]), np.array([5, 1, 3.0]))


def test_a_cuda_graph_that_answers_wrongly_is_not_used_and_the_log_says_so(
    colours: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[FixedBatchGraph] = []
    replay = FixedBatchGraph._replay

    def _replay(graph: FixedBatchGraph, images: Images) -> None:
        """Of the first graph it does not see its images, as if the input were a constant."""
        seen.append(graph)
        replay(graph, images if graph is not seen[0] else 0 * images)

    monkeypatch.setattr(FixedBatchGraph, "_replay", _replay)
    graph = open_batched(colours, PretendedGpu(GPU), SIZE, half=False, batches=[1])
    np.testing.assert_array_equal(
        graph.run(some_images(1), "labels"), right_answer(some_images(1), "labels")
    )
    (warning,) = caplog.messages
    assert warning.startswith("no CUDA graph for images of (1, 4, 6, 3), which is slower: ")


def test_a_graph_that_cannot_be_captured_runs_without_a_cuda_graph_and_the_log_says_why(
    colours: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened = bound_graph.open_session
    captured = {True: 0, False: 0}

    def provider(place: Place, *, fixed: bool, half: bool, captured: bool) -> Provider:
        return ("captured" if captured else "CPUExecutionProvider"), {}

    def open_session(model: bytes, settings: object, given: Provider) -> object:
        captured[given[0] == "captured"] += 1
        if given[0] == "captured":
            raise ArtefactError("cannot use the graph capture feature: nodes are on the CPU")
        return opened(model, settings, given)

    monkeypatch.setattr(PretendedGpu, "provider", provider)
    monkeypatch.setattr(bound_graph, "open_session", open_session)
    open_batched(colours, PretendedGpu(GPU), SIZE, half=False, batches=[1])
    assert captured == {True: 1, False: 1}
    assert "nodes are on the CPU" in caplog.text


def test_a_batch_that_finds_no_memory_is_left_out_and_the_log_says_so(
    colours: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prepare = FixedBatchGraph.prepare

    def short(graph: FixedBatchGraph) -> None:
        if graph._shape[0] > most:
            raise OutOfMemory
        prepare(graph)

    monkeypatch.setattr(FixedBatchGraph, "prepare", short)
    most = 2
    graph = open_batched(colours, PretendedGpu(GPU), SIZE, half=False, batches=[1, 8])
    assert graph.most_images == 1
    assert len(graph.run(some_images(9), "labels")) == 9
    assert caplog.messages == [
        f"{GPU} has no memory left for 8 images of 4x6 at once: they run in smaller batches"
    ]
    most = 0
    with pytest.raises(OutOfMemory):
        open_batched(colours, PretendedGpu(GPU), SIZE, half=False, batches=[1, 8])


def _fails(message: str) -> object:
    def run(*_: object) -> None:
        raise RuntimeError(message)

    return run


# As ONNX Runtime says it (core/framework/bfc_arena.cc, core/providers/cuda/cuda_call.cc).
_SHORT = [
    "Error in execution: Failed to allocate memory for requested buffer of size 5368709120",
    "Available memory of 34699008 is smaller than requested bytes of 945041920",
    "CUDA failure 2: out of memory ; GPU=0 ; hostname=a ; file=b ; line=1 ; expr=cudaMalloc",
    "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED ; GPU=0",
    "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
]
_LOST = "CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=a"


@pytest.mark.parametrize("message", _SHORT)
def test_too_little_memory_of_the_gpu_is_told_after_what_is_kept_was_given_back(
    message: str, colours: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = BoundGraph(colours, CPU)
    tries = []

    def short(images: Images, outputs: list[OutputName]) -> NDArray[np.generic]:
        tries.append(outputs)
        raise RuntimeError(message)

    monkeypatch.setattr(graph, "_run_eagerly", short)
    with pytest.raises(OutOfMemory):
        graph.run(some_images(1), "logits")
    assert len(tries) == 2
    monkeypatch.undo()
    np.testing.assert_array_equal(
        graph.run(some_images(1), "labels"), right_answer(some_images(1), "labels")
    )


def test_a_gpu_that_answers_nothing_more_is_lost_and_one_that_does_is_not(
    colours: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PretendedGpu(GPU)
    graph = BoundGraph(colours, place)
    monkeypatch.setattr(graph, "_run_eagerly", _fails(_LOST))
    with pytest.raises(EngineError, match=r"failed on images of shape \(1, 4, 6, 3\)") as told:
        graph.run(some_images(1), "logits")
    assert not isinstance(told.value, DeviceLost)
    monkeypatch.setattr(PretendedGpu, "put", _fails(_LOST))
    with pytest.raises(DeviceLost, match=re.escape(f"{GPU} stopped working, and this process")):
        graph.run(some_images(1), "logits")
    monkeypatch.setattr(PretendedGpu, "put", _fails(_SHORT[0]))
    with pytest.raises(EngineError) as told:
        graph.run(some_images(1), "logits")
    assert not isinstance(told.value, DeviceLost)


def test_a_model_that_does_not_run_is_named_with_the_reason(
    root: Path, colours: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_graphs(root / "model_repository", SPEC)[0]
    (tmp_path / "model.onnx").write_bytes(colours)
    any_size, fixed = (
        replace(
            found,
            path=tmp_path / "model.onnx",
            manifest=replace(found.manifest, height=height, width=width),
        )
        for height, width in ((None, None), (4, 6))
    )
    monkeypatch.setattr(FixedBatchGraph, "_run_eagerly", _fails("no kernel image is available"))
    with pytest.raises(ArtefactError, match="demo does not run on the CPU: no kernel image"):
        open_batching_engine(SPEC, [any_size, fixed], CPU, 2)
    monkeypatch.setattr(FixedBatchGraph, "_run_eagerly", _fails(_SHORT[0]))
    with pytest.raises(OutOfMemory, match="the CPU has too little free memory for demo"):
        open_batching_engine(SPEC, [any_size, fixed], CPU, 2)
