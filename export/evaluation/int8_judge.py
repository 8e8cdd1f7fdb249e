"""How good is an INT8 graph: the labels it changes and the mIoU it costs, on pictures held back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from export.evaluation.figures import Figures
from export.evaluation.tally import Tally
from ocrnet.datasets import Example
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.zoo import ModelSpec, Size

if TYPE_CHECKING:
    import openvino

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
        import openvino  # here: artefacts for GPUs are built without it

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


def labeller(model: "openvino.Model | onnx.ModelProto", spec: ModelSpec) -> Labeller:
    """Open a graph on the CPU: uint8 (H, W, 3) → uint8 (H, W)."""
    run = _in_onnxruntime(model) if isinstance(model, onnx.ModelProto) else _in_openvino(model)

    def label(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = Size(*image.shape[:2])
        return upsample_argmax(run(image[None])[0], size, align_corners=spec.align_corners)

    return label


def _in_openvino(model: "openvino.Model") -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    import openvino

    from ocrnet.engines.openvino import float_type

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
