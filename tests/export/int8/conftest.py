from collections.abc import Callable

import onnx
import pytest


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
