from collections.abc import Callable

import onnx
import pytest

from export.int8.calibration import Pictures, drawn_pictures
from ocrnet.zoo import Size, get_spec


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    """Small: what is tested is how graphs are made, not how good they can be."""
    return drawn_pictures(get_spec("demo"), Size(128, 256), 4)


@pytest.fixture(scope="session")
def renamed() -> Callable[[onnx.ModelProto], onnx.ModelProto]:
    """The same graph as if by another exporter."""

    def renamed(model: onnx.ModelProto) -> onnx.ModelProto:
        other = onnx.ModelProto()
        other.CopyFrom(model)
        for number, node in enumerate(other.graph.node):
            node.name = f"node_{number}"
        return other

    return renamed
