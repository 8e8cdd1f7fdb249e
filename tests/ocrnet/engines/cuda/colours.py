"""A small graph, and a GPU that is none: what tests of the engine for GPUs share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ocrnet.engines import Gpu
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.cuda.bound_graph import Place
from ocrnet.engines.engine_options import Provider
from ocrnet.zoo import Size

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


def colours_model() -> bytes:
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


def some_images(number: int, size: Size = SIZE) -> Images:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (number, size.height, size.width, 3), dtype=np.uint8)


def right_answer(images: Images, output: OutputName) -> NDArray[np.generic]:
    return images[..., 0] if output == "labels" else images.transpose(0, 3, 1, 2).astype(np.float32)
