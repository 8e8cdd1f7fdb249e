"""The engine for GPUs with its sessions on the CPU: the same code, bound to the CPU's memory.

What only a GPU shows is in test_on_gpu.py.
"""

import asyncio
import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ocrnet.artefacts import Artefact, find_graphs
from ocrnet.engines import BatchingEngine, Engine, Gpu
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.cuda import bound_graph
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
from ocrnet.engines.cuda.fixed_graph import FixedBatchGraph, check_replay, open_batched
from ocrnet.engines.cuda.open_on_gpu import MOST_BATCH_PIXELS, batch_sizes, open_batching_engine
from ocrnet.engines.engine_options import Provider
from ocrnet.errors import ArtefactError, DeviceLost, EngineError, OutOfMemory
from ocrnet.zoo import Size, get_spec
from tests.ocrnet.engines.test_contract import LoneCallContract

pytestmark = pytest.mark.slow

SPEC = get_spec("demo")
CPU = Place(None)
GPU = Gpu(0, "NVIDIA A100", "8.0")
SIZE = Size(4, 6)


@dataclass(frozen=True)
class PretendedGpu(Place):
    """A GPU as far as our code looks, on the CPU as far as ONNX Runtime does."""

    kind = "cpu"

    def provider(self, *, fixed: bool, half: bool, captured: bool) -> Provider:
        return CPU.provider(fixed=fixed, half=half, captured=captured)

    def fetch(self, value: object) -> NDArray[np.generic]:
        return CPU.fetch(value)

    def put(self, array: NDArray[np.generic]) -> object:
        return CPU.put(array)


@pytest.fixture(scope="module")
def colours() -> bytes:
    """Logits: the colours themselves; labels: red. Of any size."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["logits"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["image", "red"], ["labels"], axis=3),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3, "H", "W"]),
            helper.make_tensor_value_info("labels", TensorProto.UINT8, ["N", "H", "W"]),
        ],
        [helper.make_tensor("red", TensorProto.INT64, [], [0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def _images(number: int, size: Size = SIZE) -> Images:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (number, size.height, size.width, 3), dtype=np.uint8)


def _expected(images: Images, output: OutputName) -> NDArray[np.generic]:
    return images[..., 0] if output == "labels" else images.transpose(0, 3, 1, 2).astype(np.float32)


class TestBoundEngine(LoneCallContract):
    """With a dynamic graph, and with graphs of two of the contract's sizes."""

    @classmethod
    def _open_graphs(cls, graphs: list[Artefact]) -> Engine:
        (dynamic,) = [graph for graph in graphs if graph.fixed_size is None]
        fixed = [
            replace(dynamic, manifest=replace(dynamic.manifest, height=height, width=width))
            for height, width in ((64, 96), (40, 56))
        ]
        return open_batching_engine(SPEC, [dynamic, *fixed], CPU, 4)

    def test_more_images_than_a_batch_and_ten_callers_at_once(self, engine: Engine) -> None:
        images = _images(11, Size(40, 56))

        async def ask() -> tuple[NDArray[np.generic], list[NDArray[np.generic]]]:
            calls = (engine.infer(image[None], "logits") for image in images[:10])
            return await engine.infer(images, "logits"), await asyncio.gather(*calls)

        together, alone = asyncio.run(ask())
        scale = np.abs(together).max()
        np.testing.assert_allclose(together[:10], np.concatenate(alone), atol=1e-5 * scale)
        assert len(together) == 11


@pytest.fixture
def dynamic(root: Path) -> Artefact:
    graphs = find_graphs(root / "model_repository", SPEC)
    (dynamic,) = [graph for graph in graphs if graph.fixed_size is None]
    return dynamic


def test_it_answers_as_the_engine_on_the_cpu(demo_engine: Engine, dynamic: Artefact) -> None:
    images = _images(3, Size(64, 96))
    engine = open_batching_engine(SPEC, [dynamic], CPU, 2)
    assert isinstance(engine, BatchingEngine)

    async def both() -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        answers = await asyncio.gather(
            engine.infer(images, "logits"), demo_engine.infer(images, "logits")
        )
        await engine.close()
        return answers[0], answers[1]

    ours, expected = asyncio.run(both())
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("output", ["logits", "labels"])
def test_each_output_of_a_fixed_graph_in_batches_of_any_number(
    output: OutputName, colours: bytes
) -> None:
    graph = open_batched(colours, CPU, SIZE, half=False, batches=[1, 4])
    assert (graph.outputs, graph.most_images) == ({"logits", "labels"}, 4)
    for number in (1, 2, 4, 9):
        images = _images(number)
        found = graph.run(images, output)
        assert found.dtype == (np.uint8 if output == "labels" else np.float32)
        np.testing.assert_array_equal(found, _expected(images, output))


def test_a_run_of_a_fixed_graph_writes_where_the_last_one_did(colours: bytes) -> None:
    """What a CUDA graph replays has its addresses inside."""
    graph = FixedBatchGraph(colours, CPU, (2, 4, 6, 3), half=False, captured=False)
    graph.prepare()

    def addresses() -> list[int]:
        given = graph._input
        assert given is not None
        return [given.data_ptr(), *(value.data_ptr() for value in graph._values.values())]

    before = addresses()
    for output in ("logits", "labels", "logits"):
        graph.run(_images(2), output)
    assert addresses() == before
    with pytest.raises(EngineError, match=r"images of \(2, 4, 6, 3\), not \(1, 4, 6, 3\)"):
        graph.run(_images(1), "logits")


def test_images_of_a_shape_that_comes_again_need_no_new_memory(colours: bytes) -> None:
    graph = BoundGraph(colours, CPU)
    inputs = []
    for number in (1, 1, 2):
        np.testing.assert_array_equal(
            graph.run(_images(number), "labels"), _expected(_images(number), "labels")
        )
        inputs.append(graph._input)
    assert inputs[0] is inputs[1]
    assert inputs[1] is not inputs[2]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (np.zeros((1, 2), np.float32), r"gave \(1, 2\), not \(2, 2\)"),
        (np.array([[0, 1], [2, 3.01]], np.float32), "differs .* by 0.0033"),
        (np.array([[0, 1], [2, np.nan]], np.float32), "differs .* by nan"),
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
    np.testing.assert_array_equal(graph.run(_images(1), "labels"), _expected(_images(1), "labels"))
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
    assert len(graph.run(_images(9), "labels")) == 9
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
        graph.run(_images(1), "logits")
    assert len(tries) == 2
    monkeypatch.undo()
    np.testing.assert_array_equal(graph.run(_images(1), "labels"), _expected(_images(1), "labels"))


def test_a_gpu_that_answers_nothing_more_is_lost_and_one_that_does_is_not(
    colours: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PretendedGpu(GPU)
    graph = BoundGraph(colours, place)
    monkeypatch.setattr(graph, "_run_eagerly", _fails(_LOST))
    with pytest.raises(EngineError, match=r"failed on images of shape \(1, 4, 6, 3\)") as told:
        graph.run(_images(1), "logits")
    assert not isinstance(told.value, DeviceLost)
    monkeypatch.setattr(PretendedGpu, "put", _fails(_LOST))
    with pytest.raises(DeviceLost, match=re.escape(f"{GPU} stopped working, restart the gateway")):
        graph.run(_images(1), "logits")
    monkeypatch.setattr(PretendedGpu, "put", _fails(_SHORT[0]))
    with pytest.raises(EngineError) as told:
        graph.run(_images(1), "logits")
    assert not isinstance(told.value, DeviceLost)


def test_a_model_that_does_not_run_is_named_with_the_reason(
    dynamic: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = replace(dynamic.manifest, height=64, width=96)
    graphs = [dynamic, replace(dynamic, manifest=manifest)]
    monkeypatch.setattr(FixedBatchGraph, "_run_eagerly", _fails("no kernel image is available"))
    with pytest.raises(ArtefactError, match="demo does not run on the CPU: no kernel image"):
        open_batching_engine(SPEC, graphs, CPU, 2)
    monkeypatch.setattr(FixedBatchGraph, "_run_eagerly", _fails(_SHORT[0]))
    with pytest.raises(OutOfMemory, match="the CPU has too little free memory for demo"):
        open_batching_engine(SPEC, graphs, CPU, 2)


def test_batches_hold_at_most_so_many_pixels() -> None:
    window, whole = Size(512, 1024), Size(1024, 2048)
    assert [batch_sizes(window, most) for most in (1, 4, 8, 64)] == [[1], [1, 4], [1, 8], [1, 8]]
    assert [batch_sizes(whole, most) for most in (1, 8)] == [[1], [1, 2]]
    assert batch_sizes(Size(4096, 4096), 8) == [1]
    assert 8 * window.pixels == MOST_BATCH_PIXELS


def test_the_log_says_what_was_opened(dynamic: Artefact, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    engine = open_batching_engine(SPEC, [dynamic], CPU, 2)
    asyncio.run(engine.close())
    assert re.search(r"demo is ready on the CPU after [\d.]+ s, in batches of one", caplog.text)
