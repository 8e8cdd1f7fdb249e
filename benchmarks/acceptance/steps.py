"""Which steps there are, the most telling first."""

from pathlib import Path

from benchmarks.acceptance.step import Need, Step

TESTS = "tests/export/test_gpu.py"
ENGINE_TESTS = "tests/ocrnet/engines/cuda/test_on_gpu.py"

_HERE = "benchmarks.acceptance"
_DEMO = "demo"
_FLOATS = ("float32", "float16")
_GRAPHS = ("torch-graph", "torch-graph-channels-last")
_WINDOW = ("--size", "512x1024")
# A measurement ends after so many seconds, even without its 200 calls.
_SECONDS_PER_MEASUREMENT = "10"


def steps(gpu: str, folder: Path) -> list[Step]:
    """Return the steps for a GPU of that name; graphs and plans are kept in the folder."""
    graphs = folder / "graphs"
    plain = str(graphs / "plain")  # where fps.py looks for them
    torch: tuple[Need, ...] = ("torch",)
    onnxruntime: tuple[Need, ...] = ("torch", "onnxruntime")
    tensorrt: tuple[Need, ...] = ("torch", "tensorrt", "polygraphy", "ocrnet")

    def fps(
        name: str, model: str, engines: tuple[str, ...], needs: tuple[Need, ...], *more: str
    ) -> Step:
        command = (
            "-m", "benchmarks.fps", "--device", gpu, "--model", model, "--engine", *engines,
            "--precision", *_FLOATS, "--graph", "plain", "--seconds", _SECONDS_PER_MEASUREMENT,
            "--repository", str(graphs), *more, "--json",
        )  # fmt: skip
        return Step(f"fps, {name}", "fps", command, needs, 420, 20)

    def parity(what: str, needs: tuple[Need, ...]) -> Step:
        arguments = ("-m", f"{_HERE}.parity", what.lower().replace(" ", ""), plain)
        return Step(f"parity, {what}", "parity", arguments, needs, 300, 20)

    def plan(kind: str) -> Step:
        arguments = ("-m", f"{_HERE}.tensorrt_plans", kind, plain)
        return Step(f"TensorRT, {kind}: build and verify", "plans", arguments, tensorrt, 900, 45)

    all_torch = ("torch", "torch-half", *_GRAPHS)
    some_torch = ("torch", "torch-half", "torch-graph")
    bound = ("onnxruntime-bound", "onnxruntime")
    hr48, hr18 = "ocrnet_hr48_cityscapes_160k", "ocrnet_hr18_cityscapes_160k"
    r101 = "ocrnet_r101-d8_cityscapes_80k_b16"
    nine = (*_WINDOW, "--batch", "9")

    def tests(file: str, *needs: Need) -> Step:
        arguments = ("-m", f"{_HERE}.device_tests", file)
        return Step(file, "tests", arguments, ("pytest", *needs), 300, 20)

    return [
        Step("versions and device", "facts", ("-m", f"{_HERE}.facts"), (), 120, 5),
        tests(TESTS, "torch"),
        parity("PyTorch", torch),
        fps("PyTorch, demo", _DEMO, all_torch, torch),
        tests(ENGINE_TESTS, *onnxruntime),
        parity("ONNX Runtime", onnxruntime),
        fps("ONNX Runtime, demo", _DEMO, bound, onnxruntime),
        plan("whole"),
        fps("TensorRT, demo", _DEMO, ("tensorrt",), tensorrt, "--precision", "float16"),
        fps("PyTorch, demo, nine windows a call", _DEMO, some_torch, torch, *nine),
        fps("PyTorch, HRNet-W48", hr48, all_torch, torch),
        fps("PyTorch, demo, one window a call", _DEMO, some_torch, torch, *_WINDOW),
        fps(
            "ONNX Runtime, demo, nine windows a call", _DEMO, ("onnxruntime-bound",), onnxruntime,
            *nine,
        ),
        plan("window"),
        # Plans take eight pictures a call (ocrnet export build --max-batch).
        fps(
            "TensorRT, demo, eight windows a call", _DEMO, ("tensorrt",), tensorrt, *_WINDOW,
            "--batch", "8", "--precision", "float16",
        ),
        fps("PyTorch, HRNet-W18", hr18, ("torch", "torch-graph"), torch),
        fps("PyTorch, ResNet-101", r101, ("torch", "torch-graph"), torch),
    ]  # fmt: skip
