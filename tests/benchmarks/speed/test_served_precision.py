"""What a server computes in is what it serves, whatever the case was called."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from benchmarks.speed.served_precision import precision_of_gateway, precision_of_triton
from export.graphs.onnx_export import fixed_size
from export.triton.models import Serving, model_config
from ocrnet.zoo import get_spec

SPEC = get_spec("demo")
EXPECTED = {"plan": "float16", "onnx": "float16", "cpu": "float32"}


@pytest.mark.parametrize("variant", EXPECTED)
@pytest.mark.parametrize("kind", ["dynamic", "window", "whole"])
def test_of_each_configuration_that_we_write(variant, kind) -> None:
    config = model_config(SPEC, kind, fixed_size(SPEC, kind), variant, Serving())
    assert precision_of_triton(config) == EXPECTED[variant]


def _config(text: str) -> ModelConfig:
    return text_format.Parse(text, ModelConfig())


HALF = 'output { name: "logits" data_type: TYPE_FP16 }'
FULL = 'output { name: "logits" data_type: TYPE_FP32 }'
GPU, CPU = (f"instance_group {{ kind: KIND_{kind} }}" for kind in ("GPU", "CPU"))


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        (f'cc_model_filenames {{ key: "9.0" value: "model_sm90_int8.plan" }} {HALF}', "int8"),
        (f'cc_model_filenames {{ key: "9.0" value: "model_sm90.plan" }} {FULL} {GPU}', "float32"),
        (f'default_model_filename: "model_sm80_fp16.plan" {HALF}', "float16"),
        (f'default_model_filename: "model_int8.onnx" {FULL} {GPU}', "int8"),
        (f'default_model_filename: "model.onnx" {FULL} {CPU}', "float32"),
        # ONNX Runtime rounds to TF32 there, if the GPU can.
        (f'default_model_filename: "model.onnx" {FULL} {GPU}', None),
        (f'default_model_filename: "model.onnx" {FULL}', None),
        # Somebody else's names.
        (f'default_model_filename: "ocr.plan" {HALF}', "float16"),
        (f'default_model_filename: "ocr.plan" {FULL}', None),
        (f'default_model_filename: "model_fp16_v2.plan" {FULL}', None),
        # Plans of several precisions: its GPU decides.
        (
            'cc_model_filenames { key: "9.0" value: "model_sm90_int8.plan" } '
            f'cc_model_filenames {{ key: "8.0" value: "model_sm80_fp16.plan" }} {HALF}',
            "float16",
        ),
        # The Triton that is started here.
        (
            'default_model_filename: "model.py" parameters { key: "graph" value { string_value: '
            f'"/repository/demo_window/1/model_int8.onnx" }} }} {FULL} {CPU}',
            "int8",
        ),
        ("", None),
    ],
)
def test_by_the_artefact_s_name_or_the_type_of_the_logits(text: str, precision: str | None) -> None:
    assert precision_of_triton(_config(text)) == precision


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        ({"graphs": [{"kind": "dynamic", "precision": "float32"},
                     {"kind": "whole", "precision": "float16"}]}, "float16"),
        ({"graphs": [{"kind": "dynamic", "precision": "int8"}]}, "int8"),
        ({"graphs": [{"kind": "dynamic", "precision": "int4"}]}, None),
        ({"graphs": []}, None),
        ({"graphs": "none"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_of_a_gateway_by_the_graph_that_answers(model, precision: str | None) -> None:
    assert precision_of_gateway(model, "whole") == precision
