"""Which combinations of engine, precision, mode and device there are."""

from benchmarks.speed.case import Case
from benchmarks.speed.device import Device
from ocrnet.errors import InputError


def check_case(case: Case, device: Device, *, elsewhere: bool = False) -> None:
    """Raise InputError for a case that there is not on that device, saying which there is.

    elsewhere: whether a server that runs already is asked, instead of one started here, on the CPU.
    """
    serving = case.engine in ("triton", "http")
    if serving and not device.is_cpu and not elsewhere:
        flag = {"triton": "--triton HOST:PORT", "http": "--url"}[case.engine]
        raise InputError(f"{case.engine} started here computes on the CPU: name one with {flag}")
    if case.engine == "openvino" and not device.is_cpu:
        raise InputError("openvino computes on the CPU: --device cpu")
    if case.engine == "tensorrt" and device.is_cpu:
        raise InputError("tensorrt computes on a GPU: name it with --device")
    if serving and case.precision != "float32":
        raise InputError(f"{case.engine} serves what it has: --precision float32, the default")
    if case.precision == "float16" and device.is_cpu:
        raise InputError("a CPU has no float16 arithmetic: --precision float32 or int8")
    if case.engine == "torch-half" and case.precision != "float16":
        raise InputError("torch-half has half weights: --precision float16")
    if case.cuda_graph and device.is_cpu:
        raise InputError(f"{case.engine} is a CUDA graph: name a GPU with --device")
    if case.stays_on_device and case.mode == "slide":
        raise InputError(
            f"{case.engine} labels pictures on the device: --mode whole, or --engine torch"
        )
    if case.precision == "int8" and case.in_torch:
        raise InputError("torch has no int8 here: --engine onnxruntime, openvino or tensorrt")
    if case.batch > 1 and (case.mode == "slide" or serving):
        raise InputError(
            "--batch is for --mode whole and engines in this process: use --concurrency"
        )
    if case.concurrency > 1 and not serving:
        raise InputError("--concurrency is for triton and http: others run one call at a time")
