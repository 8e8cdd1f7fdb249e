from collections.abc import Callable

import onnx
import pytest

from export.artefacts.source import DEMO_WEIGHTS, Source
from export.int8.calibration import CalibrationImages, drawn_pictures
from ocrnet.zoo import Size, get_spec


@pytest.fixture(scope="session")
def demo() -> Source:
    return Source(get_spec("demo"), str(DEMO_WEIGHTS))


@pytest.fixture(scope="session")
def graph(demo: Source) -> onnx.ModelProto:
    return demo.plain_graph("dynamic")


@pytest.fixture(scope="session")
def pictures() -> CalibrationImages:
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
