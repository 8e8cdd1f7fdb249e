"""Every way in which a GPU cannot be used, and the sentence that says what is missing."""

import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import onnx
import onnxruntime
import pytest

from ocrnet.cli import main
from ocrnet.engines import Gpu, choose_gpu
from ocrnet.engines.cuda import bound_graph, device_choice, driver
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place
from ocrnet.engines.cuda.device_choice import find_working_gpu
from ocrnet.errors import ArtefactError
from server.models import open_models
from server.settings import Settings

pytestmark = pytest.mark.slow

INSTALL = r"pip install 'onnxruntime-gpu\[cuda,cudnn\]'"
V100 = Gpu(0, "Tesla V100", "7.0")
A100 = Gpu(1, "NVIDIA A100-PCIE-40GB", "8.0")
Say = Callable[..., None]
_PAGE = Path(__file__).parents[4] / "docs" / "gpu.md"


@contextmanager
def told(pattern: str) -> Iterator[None]:
    """The block ends with such a sentence, and docs/gpu.md lists how it begins."""
    with pytest.raises(ArtefactError, match=pattern) as caught:
        yield
    rows = re.findall(r"^\| `([^`]+)` \|", _PAGE.read_text(), re.MULTILINE)
    begins = [re.escape(row).replace("…", ".*") for row in rows]
    assert any(re.match(begin, str(caught.value)) for begin in begins), caught.value


@pytest.fixture
def stub_driver(
    tmp_path_factory: pytest.TempPathFactory, root: Path, needed: Callable[[str], str]
) -> Path:
    """A shared library with the functions of the driver that are called; compiled once."""
    library = tmp_path_factory.getbasetemp() / "libcuda.so.1"
    if library.exists():
        return library
    source = root / "tests" / "ocrnet" / "engines" / "cuda" / "stub_driver.c"
    subprocess.run([needed("cc"), "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


@pytest.fixture
def driver_says(stub_driver: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Let the driver be a stub that says: two GPUs, CUDA 13.0, no error; or what is given."""

    def say(*, init: int = 0, count: int = 2, version: int = 13000, get: int = 0) -> None:
        facts = {"INIT": init, "COUNT": count, "VERSION": version, "GET": get}
        for name, value in facts.items():
            monkeypatch.setenv(f"STUB_CUDA_{name}", str(value))
        monkeypatch.setattr(driver, "_LIBRARY", str(stub_driver))

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    say()
    return say


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_LIBRARY", "libcuda-that-is-not-there.so.1")


@pytest.fixture
def gpu_package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """ONNX Runtime as the package for GPUs would look; it still has no CUDA provider."""
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    built = sys.modules["onnxruntime.capi.build_and_package_info"]
    monkeypatch.setattr(built, "cuda_version", "13.0", raising=False)
    return onnxruntime


def test_without_a_driver(no_driver: None) -> None:
    with told(
        r"no NVIDIA driver here \(libcuda\S+ cannot be loaded\): install it, or .*--gpus all"
    ):
        find_working_gpu()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"init": 100}, "the NVIDIA driver finds no GPU: 'nvidia-smi -L' lists"),
        ({"count": 0}, "the NVIDIA driver finds no GPU"),
        ({"init": 803}, r"was updated .* \(CUDA error 803: system has .*\): restart the machine"),
        ({"init": 999}, r"cannot be used \(CUDA error 999: unknown error\): .*dmesg"),
        ({"get": 12345}, r"cannot be used \(CUDA error 12345: unknown\)"),
    ],
)
def test_a_driver_that_gives_no_gpu(said: dict[str, int], sentence: str, driver_says: Say) -> None:
    driver_says(**said)
    with told(sentence):
        find_working_gpu()


@pytest.mark.parametrize("visible", ["", "-1", "7", "GPU-1234"])
def test_gpus_that_are_hidden(
    visible: str, driver_says: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver_says(init=100)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with told(rf"CUDA_VISIBLE_DEVICES is '{visible}': .*unset it"):
        find_working_gpu()


def test_the_driver_names_its_gpus(driver_says: Say) -> None:
    driver_says(version=12040)
    assert driver.ask_driver() == driver.Driver((12, 4), [V100, A100])


def test_without_onnx_runtime(driver_says: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with told(f"for GPUs is not installed: {INSTALL}"):
        find_working_gpu()


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="it is for GPUs here"
)
def test_with_onnx_runtime_for_cpus(driver_says: Say) -> None:
    with told(f"is the package for CPUs: pip uninstall -y onnxruntime, then {INSTALL}"):
        find_working_gpu()


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="it is for GPUs here"
)
def test_with_both_packages_the_one_for_cpus_on_top(
    driver_says: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "onnxruntime_gpu-1.31.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.31.1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sentence = (
        "for CPUs, has overwritten onnxruntime-gpu: pip uninstall -y onnxruntime onnxruntime-gpu, "
        f"then {INSTALL}"
    )
    with told(sentence):
        find_working_gpu()


@pytest.mark.parametrize(
    ("version", "needs", "sentence"),
    [
        (
            12080,
            "13.0",
            r"runs CUDA 12.8, .* needs CUDA 13.0: update it to 580 or newer, or .*<1\.27",
        ),
        (11080, "13.0", r"runs CUDA 11.8, .* needs CUDA 13.0: update it to 580 or newer$"),
        (11080, "12.6", r"needs CUDA 12.6: update it to 525 or newer$"),
        (13000, "14.1", r"needs CUDA 14.1: update it$"),
    ],
)
def test_a_driver_that_is_too_old(
    version: int, needs: str, sentence: str, driver_says: Say, gpu_package: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    driver_says(version=version)
    built = sys.modules["onnxruntime.capi.build_and_package_info"]
    monkeypatch.setattr(built, "cuda_version", needs)
    with told(sentence):
        find_working_gpu()


# ONNX Runtime warns that it has no such provider, and goes on with the CPU: that is the case here.
@pytest.mark.filterwarnings("ignore:Specified provider:UserWarning")
def test_libraries_of_cuda_that_are_missing(
    driver_says: Say, gpu_package: ModuleType, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def preload() -> None:
        sys.stdout.write(
            "Failed to load libcublas.so.13: it is not there\n"
            "Failed to load /site/nvidia/lib/libcurand.so.10: it is damaged\nPlease follow a link."
        )

    monkeypatch.setattr(gpu_package, "preload_dlls", preload)
    sentence = (
        r"no GPU here works: GPU 0 \(Tesla V100, compute capability 7.0\): ONNX Runtime cannot "
        r"load its CUDA provider \(libcublas.so.13, libcurand.so.10 cannot be loaded\): "
        rf"{INSTALL} brings .*; GPU 1 \(NVIDIA A100"
    )
    with told(sentence):
        find_working_gpu()
    assert capsys.readouterr().out == ""


# As ONNX Runtime 1.31 says it, with a driver that does nothing.
_NO_KERNEL = (
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc:63 static "
    "onnxruntime::CUDAExecutionProviderInfo [ONNXRuntimeError] : 1 : FAIL : provider_options_utils"
    ".h:187 Parse: CUDA failure 209: no kernel image is available ; GPU=-1 ; hostname=vm ; "
    "file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc"
)


def _opens(works: int | None, wrong: bool = False) -> type:
    """A probe that runs on one GPU alone; wrong: it computes something else."""

    class Probe(BoundGraph):
        def __init__(self, model: bytes, place: Place):
            assert place.gpu is not None
            if place.gpu.index != works:
                raise ArtefactError(_NO_KERNEL)
            super().__init__(model, Place(None))

        def run(self, *arguments: object) -> object:
            answer = super().run(*arguments)
            return answer + 1 if wrong else answer

    return Probe


def test_the_first_gpu_that_computes_is_taken(
    driver_says: Say, gpu_package: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(bound_graph, "BoundGraph", _opens(1))
    assert choose_gpu("auto", said.append) == A100
    assert said == [f"Models run on {A100} by ONNX Runtime (--device auto)"]
    monkeypatch.setattr(bound_graph, "BoundGraph", _opens(0))
    assert choose_gpu("cuda", said.append) == V100
    monkeypatch.setattr(bound_graph, "BoundGraph", _opens(None))
    with told(r"7.0\): CUDA failure 209: no kernel image is available; GPU 1 .*no kernel image"):
        choose_gpu("cuda", said.append)
    monkeypatch.setattr(bound_graph, "BoundGraph", _opens(1, wrong=True))
    with told(r"GPU 1 .*: it computes a convolution of ones wrongly"):
        choose_gpu("cuda", said.append)


def test_the_probe_is_a_valid_model() -> None:
    model = onnx.load_model_from_string(device_choice._PROBE)
    onnx.checker.check_model(model, full_check=True)
    assert "Conv" in {node.op_type for node in model.graph.node}


def test_the_cpu_is_not_asked_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_choice, "find_working_gpu", None)
    assert choose_gpu("cpu", print) is None


def test_auto_goes_on_with_the_cpu_and_says_why(no_driver: None) -> None:
    said: list[str] = []
    models = open_models(Settings(device="auto", load="first-use"), said.append)
    assert len(said) == 1
    assert said[0].startswith("Models run on the CPU (--device auto), since there is no NVIDIA")
    graph = models.get("demo").graphs[0]
    assert (graph.device, graph.runtime, graph.provider) == ("CPU", "openvino", None)


def test_serve_and_segment_end_with_the_sentence(
    no_driver: None, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = ["--repository", str(root / "model_repository")]
    assert main(["serve", "--port", "0", "--device", "cuda", *repository]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ocrnet serve: there is no NVIDIA driver here")
    assert said.count("\n") == 1
    image = str(root / "tests" / "golden" / "picture_197x331_seed2.png")
    assert main(["segment", image, "--device", "cuda", *repository]) == 1
    assert capsys.readouterr().err.startswith("ocrnet: there is no NVIDIA driver here")


def test_on_a_gpu_the_graphs_are_those_for_gpus(
    driver_says: Say, gpu_package: ModuleType, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, root: Path,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(bound_graph, "BoundGraph", _opens(1))
    given = {"device": "cuda", "load": "first-use", "repository": root / "model_repository"}
    models = open_models(Settings(**given), print)
    graph = models.get("demo").graphs[0]
    assert (graph.device, graph.runtime, graph.precision) == (str(A100), "onnxruntime", "float32")
    assert graph.provider == "CUDAExecutionProvider"
    sentence = (
        "holds no float16 graph of demo: build it with 'ocrnet export build demo --to onnx-fp16'"
    )
    with pytest.raises(ArtefactError, match=sentence):
        open_models(Settings(**given, fast="demo", runtime="onnxruntime"), print)
