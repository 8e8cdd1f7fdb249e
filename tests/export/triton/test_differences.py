"""What Triton would refuse is said, tensor by tensor."""

from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.triton.loaded_files import loaded_files
from export.triton.port_differences import differences
from ocrnet.artefacts import FREE, Port, Ports

_CONFIG = """
max_batch_size: 8
input { name: "image" data_type: TYPE_UINT8 dims: [64, 96, 3] }
output { name: "logits" data_type: TYPE_FP32 dims: [19, 16, 24] }
"""
_IMAGE = Port("image", "UINT8", (FREE, 64, 96, 3))
_LOGITS = Port("logits", "FLOAT", (FREE, 19, 16, 24))
_LABELS = Port("labels", "UINT8", (FREE, 64, 96))


@pytest.mark.parametrize(
    ("image", "outputs", "text"),
    [
        (_IMAGE, [("logits", "FLOAT", (FREE, FREE, FREE, FREE))], "FP32 [-1, -1, -1, -1]"),
        (_IMAGE, [("logits", "FLOAT", (FREE, 19, 16, FREE))], "FP32 [-1, 19, 16, -1]"),
        (_IMAGE, [("logits", "FLOAT", (FREE, 19, 16, 23))], "FP32 [-1, 19, 16, 23]"),
        (_IMAGE, [("logits", "FLOAT", (1, 19, 16, 24))], "FP32 [1, 19, 16, 24]"),
        (_IMAGE, [("logits", "FLOAT", (FREE, 19, 384))], "FP32 [-1, 19, 384]"),
        (_IMAGE, [("logits", "FLOAT16", (FREE, 19, 16, 24))], "FP16 [-1, 19, 16, 24]"),
        (_IMAGE, [("scores", "FLOAT", (FREE, 19, 16, 24))], "no such one"),
        (_IMAGE, [], "no such one"),
        (Port("image", "UINT8", (FREE, FREE, FREE, 3)), [_LOGITS], "UINT8 [-1, -1, -1, 3]"),
        (Port("image", "INT8", (FREE, 64, 96, 3)), [_LOGITS], "INT8 [-1, 64, 96, 3]"),
        (Port("picture", "UINT8", (FREE, 64, 96, 3)), [_LOGITS], "no such one"),
        (_IMAGE, [_LOGITS, _LABELS], "UINT8 [-1, 64, 96], the configuration no such one"),
    ],
)
def test_whatever_differs_is_said(image: Port, outputs: list[Any], text: str) -> None:
    config = text_format.Parse(_CONFIG, ModelConfig())
    assert not differences(Ports((_IMAGE,), (_LOGITS,)), config)
    ports = [Port(*output) if isinstance(output, tuple) else output for output in outputs]
    found = differences(Ports((image,), tuple(ports)), config)
    assert any(f"the graph has {text}" in one for one in found), found


@pytest.mark.parametrize(
    ("config", "files"),
    [
        ("", [("model.onnx", "")]),
        ('platform: "onnxruntime_onnx"', [("model.onnx", "")]),
        ('backend: "onnxruntime" platform: "onnxruntime_onnx"', [("model.onnx", "")]),
        ('backend: "tensorrt"', [("model.plan", "")]),
        ('platform: "tensorrt_plan" default_model_filename: "a.plan"', [("a.plan", "")]),
        ('default_model_filename: "a.plan"', [("a.plan", "")]),
        ('platform: "tensorrt_plan" default_model_filename: "a.onnx"', []),
        ('backend: "python" default_model_filename: "model.py"', []),
        ('backend: "tensorrt" platform: "onnxruntime_onnx"', []),
        (
            'platform: "tensorrt_plan" cc_model_filenames { key: "9.0" value: "b.plan" } '
            'cc_model_filenames { key: "8.0" value: "c.plan" }',
            [("model.plan", ""), ("c.plan", "8.0"), ("b.plan", "9.0")],
        ),
    ],
)
def test_what_triton_loads_is_known(config: str, files: list[tuple[str, str]]) -> None:
    assert loaded_files(text_format.Parse(config, ModelConfig())) == files


def test_batches_and_reshapes_are_as_in_triton() -> None:
    config = text_format.Parse(_CONFIG.replace("_size: 8", "_size: 0"), ModelConfig())
    assert len(differences(Ports((_IMAGE,), (_LOGITS,)), config)) == 2  # N is not configured
    free = _CONFIG.replace("[64, 96, 3]", "[-1, -1, 3]").replace("16, 24]", "-1, -1]")
    found = differences(Ports((_IMAGE,), (_LOGITS,)), text_format.Parse(free, ModelConfig()))
    assert len(found) == 2
    reshaped = _CONFIG.replace(
        "dims: [19, 16, 24]", "dims: [19, 384] reshape { shape: [19, 16, 24] }"
    )
    assert not differences(Ports((_IMAGE,), (_LOGITS,)), text_format.Parse(reshaped, ModelConfig()))
