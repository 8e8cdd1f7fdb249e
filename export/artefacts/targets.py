"""Which artefacts there are: what a user asks for by target, as files of the model repository."""

from dataclasses import dataclass
from typing import Literal, get_args

from ocrnet.artefacts import Format, Kind, LogitsElement, Precision, artefact_stem
from ocrnet.zoo import ModelSpec

TargetName = Literal[
    "onnx", "onnx-fp16", "onnx-int8", "openvino", "int8", "tensorrt", "tensorrt-rtx"
]
TARGET_NAMES: tuple[TargetName, ...] = get_args(TargetName)


@dataclass(frozen=True)
class Target:
    """One artefact to build; compute_capability: of a TensorRT plan, else empty."""

    format: Format
    precision: Precision
    compute_capability: str = ""

    @property
    def file(self) -> str:
        """Its file name in the model repository."""
        if self.format == "tensorrt_rtx":  # built for every architecture at once
            return f"{artefact_stem(self.precision, 'rtx')}.plan"
        ending = {"onnx": "onnx", "openvino": "xml", "tensorrt": "plan"}[self.format]
        gpu = f"sm{self.compute_capability.replace('.', '')}" if self.compute_capability else ""
        return f"{artefact_stem(self.precision, gpu)}.{ending}"

    @property
    def is_plan(self) -> bool:
        """Whether TensorRT builds it, for some shapes and with some effort."""
        return self.format in ("tensorrt", "tensorrt_rtx")

    @property
    def for_cpus(self) -> bool:
        """Whether CPUs run it: fixed graphs are then rewritten, if asked for."""
        return self.format == "openvino" or (self.format, self.precision) == ("onnx", "float32")

    @property
    def logits_element(self) -> LogitsElement:
        """The type of the logits. Plans compute in float16 between their INT8 layers."""
        halves = self.precision == "float16" or (self.is_plan and self.precision == "int8")
        return "FLOAT16" if halves else "FLOAT"

    def gives_labels(self, kind: Kind) -> bool:
        """Whether a graph of that kind also gives labels: of whole pictures, on a GPU."""
        return kind == "whole" and not self.for_cpus

    def __str__(self) -> str:
        return f"{self.format} {self.precision}"


def targets(name: TargetName, precisions: list[Precision], compute_capability: str) -> list[Target]:
    """The artefacts of one target; `precisions` are those of plans."""
    if name == "onnx":
        return [Target("onnx", "float32")]
    if name == "onnx-fp16":
        return [Target("onnx", "float16")]
    if name == "onnx-int8":
        return [Target("onnx", "int8")]
    if name == "int8":
        return [Target("openvino", "int8")]
    if name == "openvino":
        return [Target("openvino", "float32")]
    if name == "tensorrt":
        return [Target("tensorrt", precision, compute_capability) for precision in precisions]
    return [Target("tensorrt_rtx", precision) for precision in precisions]


def kinds_of(spec: ModelSpec) -> list[Kind]:
    """The graphs that a model has: dynamic, window, and whole where pictures share one size."""
    return ["dynamic", "window", "whole"] if spec.whole else ["dynamic", "window"]
