"""Which steps there are, the most telling first."""

from pathlib import Path

from benchmarks.acceptance.device_tests import EXPORT, engine_tests
from benchmarks.acceptance.step import Need, Step

_HERE = "benchmarks.acceptance"
_DEMO = "demo"  # an HRNet-W18-Small with weights of its own
_OTHERS = {
    "HRNet-W48": "ocrnet_hr48_cityscapes_160k",
    "ResNet-101": "ocrnet_r101-d8_cityscapes_80k_b16",
    "HRNet-W18": "ocrnet_hr18_cityscapes_160k",
}
_WINDOW = ("--size", "512x1024")
_SIZES = {"1024x2048": (), "512x1024": _WINDOW}
_EAGER_AND_GRAPH = ("torch", "torch-graph")
# A measurement ends after so many seconds, even without its 200 calls.
_SECONDS_PER_MEASUREMENT = "5"

_TORCH: tuple[Need, ...] = ("torch",)
_ONNXRUNTIME: tuple[Need, ...] = ("torch", "onnxruntime")
_TENSORRT: tuple[Need, ...] = ("torch", "tensorrt", "polygraphy", "ocrnet")


def steps(gpu: str, folder: Path) -> list[Step]:
    """Return the steps for a GPU of that name; graphs and plans are kept in the folder."""
    graphs = folder / "graphs"
    plain = str(graphs / "plain")  # where fps.py looks for them

    def fps(
        name: str,
        model: str,
        engines: tuple[str, ...],
        precisions: tuple[str, ...],
        needs: tuple[Need, ...],
        *more: str,
        seconds: float = 420,
    ) -> Step:
        command = (
            "-m", "benchmarks.fps", "--device", gpu, "--model", model, "--engine", *engines,
            "--precision", *precisions, "--graph", "plain", "--seconds", _SECONDS_PER_MEASUREMENT,
            "--repository", str(graphs), *more, "--json",
        )  # fmt: skip
        return Step(f"fps, {name}", "fps", command, needs, seconds, 20)

    def parity(what: str, needs: tuple[Need, ...]) -> Step:
        arguments = ("-m", f"{_HERE}.parity", what.lower().replace(" ", ""), plain)
        return Step(f"parity, {what}", "parity", arguments, needs, 300, 20)

    def plan(kind: str) -> Step:
        arguments = ("-m", f"{_HERE}.tensorrt_plans", kind, plain)
        return Step(f"TensorRT, {kind}: build and verify", "plans", arguments, _TENSORRT, 900, 45)

    def tests(name: str, what: str) -> Step:
        arguments = ("-m", f"{_HERE}.device_tests", what)
        return Step(name, "tests", arguments, ("torch", "pytest"), 300, 20)

    found = [Step("versions and device", "facts", ("-m", f"{_HERE}.facts"), (), 120, 5)]
    found.append(tests(EXPORT, "export"))
    if engine_tests():
        found.append(tests("tests of engines and benchmarks on the GPU", "engines"))
    found.append(parity("PyTorch", _TORCH))
    found += [
        fps(
            f"PyTorch, HRNet-W18-Small, {size}", _DEMO, _EAGER_AND_GRAPH,
            ("tf32", "float16", "float32"), _TORCH, *flags,
        )
        for size, flags in _SIZES.items()
    ]  # fmt: skip
    found.append(parity("ONNX Runtime", _ONNXRUNTIME))
    bound, floats = ("onnxruntime-bound",), ("float32", "float16")
    found += [
        fps(f"ONNX Runtime, HRNet-W18-Small, {size}", _DEMO, bound, floats, _ONNXRUNTIME, *flags)
        for size, flags in _SIZES.items()
    ]
    found.append(plan("whole"))
    found.append(
        fps(
            "TensorRT, HRNet-W18-Small, 1024x2048", _DEMO, ("tensorrt-bound", "tensorrt"),
            ("float16",), _TENSORRT,
        )
    )  # fmt: skip
    for name, model in _OTHERS.items():
        for size, flags in _SIZES.items():
            what = f"{name}, {size}"
            usual = ("tf32", "float16")
            found.append(fps(f"PyTorch, {what}", model, _EAGER_AND_GRAPH, usual, _TORCH, *flags))
            found.append(fps(f"ONNX Runtime, {what}", model, bound, floats, _ONNXRUNTIME, *flags))
    both = ("--graph", "plain", "optimised")
    found += [
        fps(
            f"ONNX Runtime, HRNet-W18-Small, {size}, both graphs and TF32", _DEMO, bound,
            ("float32", "tf32"), _ONNXRUNTIME, *both, *flags,
        )
        for size, flags in _SIZES.items()
    ]  # fmt: skip
    nine = (*_WINDOW, "--batch", "9")
    found += [
        fps(
            "PyTorch by torch.compile, HRNet-W18-Small", _DEMO, ("torch-compile",),
            ("float16", "tf32"), _TORCH, seconds=900,
        ),
        fps(
            "ONNX Runtime, HRNet-W18-Small, images and labels through memory", _DEMO,
            ("onnxruntime",), floats, _ONNXRUNTIME,
        ),
        fps(
            "PyTorch, HRNet-W18-Small, autocast and channels last", _DEMO,
            ("torch-autocast", "torch-graph-channels-last"), ("float16",), _TORCH,
        ),
        fps(
            "PyTorch, HRNet-W18-Small, nine windows a call", _DEMO, _EAGER_AND_GRAPH,
            ("tf32", "float16"), _TORCH, *nine,
        ),
        fps(
            "ONNX Runtime, HRNet-W18-Small, nine windows a call", _DEMO, bound, floats,
            _ONNXRUNTIME, *nine,
        ),
        plan("window"),
        # Plans take eight pictures a call (ocrnet export build --max-batch).
        fps(
            "TensorRT, HRNet-W18-Small, eight windows a call", _DEMO, ("tensorrt-bound",),
            ("float16",), _TENSORRT, *_WINDOW, "--batch", "8",
        ),
    ]  # fmt: skip
    return found
