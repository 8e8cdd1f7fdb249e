"""A real Triton takes the configurations of every variant, and the gateway takes what it says."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from export.graphs.onnx_export import fixed_size
from export.triton.models import VARIANTS, Serving, Variant, model_config
from ocrnet.artefacts import Kind
from ocrnet.engines.triton import TritonConnection, TritonEngine, served_graphs
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton, TritonEnvironment
from tests.conftest import patient_triton

pytestmark = pytest.mark.slow

# A variant for each: what Triton serves is named by the model alone.
MODELS: dict[Variant, str] = dict(
    zip(
        VARIANTS,
        (
            "demo",
            "ocrnet_hr18s_cityscapes_40k",
            "ocrnet_hr18_cityscapes_40k",
            "ocrnet_hr48_cityscapes_40k",
            "ocrnet_r101-d8_cityscapes_40k_b8",
            "ocrnet_hr48_cityscapes_authors",
        ),
        strict=True,
    )
)
KINDS: tuple[Kind, ...] = ("dynamic", "whole")
HALF = ("plan", "plan-int8", "onnx")
# In the place of the back ends, which nvidia-pytriton comes without.
ZEROS = """
import json

import numpy as np
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        self.outputs = json.loads(args["model_config"])["output"]

    def execute(self, requests):
        responses = []
        for request in requests:
            images = triton.get_input_tensor_by_name(request, "image").as_numpy()
            cells = [-(-side // 4) for side in images.shape[1:3]]
            tensors = []
            for output in self.outputs:
                dims = list(output["dims"])
                if -1 in dims:
                    dims[1:] = cells
                element = triton.triton_string_to_numpy(output["data_type"])
                tensors.append(
                    triton.Tensor(output["name"], np.zeros([len(images), *dims], element))
                )
            responses.append(triton.InferenceResponse(tensors))
        return responses
"""


@pytest.fixture(scope="module")
def triton(
    local_triton_environment: TritonEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalTriton]:
    """It serves each variant as it is configured, but for the back end."""

    def write_repository(target: Path, *_: object, **__: object) -> list[str]:
        names = []
        for variant, name in MODELS.items():
            spec = get_spec(name)
            for kind in KINDS:
                config = model_config(spec, kind, fixed_size(spec, kind), variant, Serving())
                config.backend, config.platform = "python", ""
                for field in ("optimization", "instance_group", "model_warmup"):
                    config.ClearField(field)
                # That back end takes nothing else; what tells INT8 is in front of it.
                config.default_model_filename = f"{Path(config.default_model_filename).stem}.py"
                folder = target / config.name
                (folder / "1").mkdir(parents=True)
                (folder / "1" / config.default_model_filename).write_text(ZEROS)
                (folder / "config.pbtxt").write_text(text_format.MessageToString(config))
                names.append(config.name)
        return names

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("server.local_triton.process.write_repository", write_repository)
        server = LocalTriton(local_triton_environment, tmp_path_factory.mktemp("none"), ["demo"])
        with patient_triton(server) as started:
            yield started


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_gateway_takes_what_a_triton_of_that_variant_serves(
    triton: LocalTriton, variant: Variant
) -> None:
    spec = get_spec(MODELS[variant])
    connection = TritonConnection(triton.addresses.grpc)
    dynamic, whole = served_graphs(connection, spec)
    half = variant in HALF
    assert dynamic.logits_type == whole.logits_type == ("FP16" if half else "FP32")
    precision = "int8" if variant.endswith("int8") else "float16" if half else "float32"
    assert dynamic.precision == whole.precision == precision
    assert dynamic.max_batch == (1 if variant.startswith("plan") else 8)
    assert dynamic.outputs == {"logits"}
    assert whole.outputs == ({"logits"} if variant == "cpu" else {"logits", "labels"})

    async def infer() -> np.ndarray:
        try:
            image = np.zeros((1, 64, 96, 3), np.uint8)
            return await TritonEngine(connection, [dynamic, whole]).infer(image, "logits")
        finally:
            await connection.close()

    logits = asyncio.run(infer())
    assert logits.dtype == (np.float16 if half else np.float32)
    assert logits.shape == (1, spec.classes, 16, 24)
