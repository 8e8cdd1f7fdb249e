"""How good is an INT8 graph: the labels it changes and the mIoU it costs, on pictures held back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from ocrnet.datasets import Example
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.without_telemetry import onnxruntime
from ocrnet.zoo import ModelSpec, Size

if TYPE_CHECKING:
    from ocrnet.without_telemetry import openvino

Labeller = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@dataclass(frozen=True)
class Figures:
    """changed_labels: share of pixels. miou_loss: in points, as ConfusionMatrix.miou_loss."""

    changed_labels: float
    miou_loss: float | None


@dataclass(frozen=True)
class Gate:
    """The most that an INT8 graph may change; fields as those of Figures, None: not judged."""

    changed_labels: float | None
    miou_loss: float | None

    def holds(self, figures: Figures) -> bool:
        """Whether the figures are good enough."""
        pairs = (
            (figures.changed_labels, self.changed_labels),
            (figures.miou_loss, self.miou_loss),
        )
        return all(found is None or most is None or found <= most for found, most in pairs)

    def __str__(self) -> str:
        """What is allowed, in words."""
        allowed = []
        if self.changed_labels is not None:
            allowed.append(f"{self.changed_labels:.2%} of the labels")
        if self.miou_loss is not None:
            allowed.append(f"{self.miou_loss:.2f} points of mIoU")
        return " and ".join(allowed)


class Judge:
    """Compares INT8 graphs with the float graph that they are made from."""

    def __init__(
        self,
        graph: onnx.ModelProto,
        spec: ModelSpec,
        examples: Sequence[Example],
        *,
        labelled: bool,
    ):
        """Run the float graph on the examples, which have one size.

        labelled: whether the labels are true; without them there is no mIoU.
        """
        # Here: artefacts for GPUs are built without it.
        from ocrnet.without_telemetry import openvino

        self._spec = spec
        self._examples = examples
        core = openvino.Core()
        self._expected = self._labels(labeller(core.read_model(graph.SerializeToString()), spec))
        self._matrix = self._count(self._expected) if labelled else None

    @property
    def miou(self) -> float | None:
        """The float graph's, 0 to 1, as ConfusionMatrix.miou; None without true labels."""
        miou = float("nan") if self._matrix is None else self._matrix.miou()
        return None if np.isnan(miou) else miou

    def figures(self, model: "openvino.Model | onnx.ModelProto") -> Figures:
        """Run an INT8 graph on the same examples."""
        found = self._labels(labeller(model, self._spec))
        changed = [a != b for a, b in zip(found, self._expected, strict=True)]
        loss = None if self._matrix is None else self._count(found).miou_loss(self._matrix)
        return Figures(float(np.mean(changed)), loss)

    def _labels(self, label: Labeller) -> list[NDArray[np.uint8]]:
        return [label(example.image) for example in self._examples]

    def _count(self, found: list[NDArray[np.uint8]]) -> ConfusionMatrix:
        matrix = ConfusionMatrix(self._spec.classes)
        for example, labels in zip(self._examples, found, strict=True):
            matrix.add(example.labels, labels)
        return matrix


def labeller(model: "openvino.Model | onnx.ModelProto", spec: ModelSpec) -> Labeller:
    """Open a graph on the CPU: uint8 (H, W, 3) → uint8 (H, W)."""
    run = _in_onnxruntime(model) if isinstance(model, onnx.ModelProto) else _in_openvino(model)

    def label(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = Size(*image.shape[:2])
        return upsample_argmax(run(image[None])[0], size, align_corners=spec.align_corners)

    return label


def _in_openvino(model: "openvino.Model") -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    from ocrnet.engines.openvino import float_type
    from ocrnet.without_telemetry import openvino

    quantised = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    hint = float_type("int8" if quantised else "float32")
    config = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(model, "CPU", config).create_infer_request()

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        request.infer({"image": images})
        return np.array(request.get_tensor("logits").data, np.float32)

    return run


def _in_onnxruntime(model: onnx.ModelProto) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Q/DQ as it stands, in float between: kernels of 8 bits overflow on CPUs without VNNI, while
    # this graph is for GPUs.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"image": images})
        return np.asarray(logits, np.float32)

    return run
