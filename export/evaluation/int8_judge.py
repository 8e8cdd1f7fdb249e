"""Is an INT8 graph good enough? Labels it changes, and mIoU it costs, on pictures held back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from numpy.typing import NDArray

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate, shortcomings
from export.evaluation.tally import Tally
from ocrnet.datasets import Example
from ocrnet.engines.in_process import LoadedGraph
from ocrnet.engines.onnxruntime import OnnxRuntimeGraph
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.zoo import ModelSpec, Size

if TYPE_CHECKING:
    from ocrnet.without_telemetry import openvino

Labeller = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


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
        self._labelled = labelled
        core = openvino.Core()
        label = labeller(core.read_model(graph.SerializeToString()), spec)
        self._expected = [label(example.image) for example in examples]
        self._reference = Tally(spec.classes, labelled=labelled)
        for example, labels in zip(examples, self._expected, strict=True):
            self._reference.add_labels(example.labels, labels)

    @property
    def miou(self) -> float | None:
        """The float graph's, 0 to 1, as ConfusionMatrix.miou; None without true labels."""
        return self._reference.miou

    def figures(self, model: "openvino.Model | onnx.ModelProto") -> Figures:
        """Run an INT8 graph on the same examples; its logits are not measured."""
        label = labeller(model, self._spec)
        tally = Tally(self._spec.classes, labelled=self._labelled)
        for example, expected in zip(self._examples, self._expected, strict=True):
            labels = label(example.image)
            tally.add_changed(labels != expected)
            tally.add_labels(example.labels, labels)
        return tally.figures(self._reference)


def good_enough(figures: Figures, gate: Gate) -> bool:
    """Whether an INT8 graph of these figures is built: nothing misses its gate."""
    return not shortcomings(gate, figures)


def labeller(model: "openvino.Model | onnx.ModelProto", spec: ModelSpec) -> Labeller:
    """Open a graph on the CPU: uint8 (H, W, 3) → uint8 (H, W)."""
    graph = _onnx(model) if isinstance(model, onnx.ModelProto) else _openvino(model)

    def label(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        logits = np.asarray(graph.run(image[None], "logits")[0], np.float32)
        return upsample_argmax(logits, Size(*image.shape[:2]), align_corners=spec.align_corners)

    return label


def _openvino(model: "openvino.Model") -> LoadedGraph:
    from ocrnet.engines.openvino import OpenVinoGraph

    quantised = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    return OpenVinoGraph(model, precision="int8" if quantised else "float32")


def _onnx(model: onnx.ModelProto) -> LoadedGraph:
    # Kernels of 8 bits overflow on CPUs without VNNI, while this graph is for GPUs.
    return OnnxRuntimeGraph(model.SerializeToString(), quiet=True, qdq_in_float=True)
