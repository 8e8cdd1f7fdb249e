"""What a gateway says of the weights that a real Triton serves."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tritonclient.grpc import InferenceServerClient

from benchmarks.lib.gateway import GatewayProcess
from ocrnet.artefacts import MANIFEST_SUFFIX, UNKNOWN, read_manifest
from ocrnet.engines.triton.graphs import graph_weights
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton, Ports, TritonEnvironment
from tests.conftest import patient_triton
from tests.patience import wait_until

pytestmark = pytest.mark.slow

DEMO = get_spec("demo")


def test_they_are_those_that_the_configurations_name_also_after_a_restart(
    local_triton_environment: TritonEnvironment,
    root: Path,
    gateway_process: Callable[..., GatewayProcess],
    tmp_path: Path,
) -> None:
    shutil.copytree(root / "model_repository" / "demo_dynamic", tmp_path / "demo_dynamic")
    folder = tmp_path / "demo_dynamic" / "1"
    manifest = read_manifest(folder / f"model.onnx{MANIFEST_SUFFIX}")
    with patient_triton(LocalTriton(local_triton_environment, tmp_path, ["demo"])) as triton:
        address = triton.addresses.grpc
        gateway = gateway_process("--triton", address)
        weights = gateway.client.get("/models/demo").json()["weights"]
        assert (weights["origin"], weights["checkpoint"]) == ("demo", "demo.safetensors")
        assert "photographs will look wrong" in gateway.log.read_text()
        # As Triton itself gives the configuration, with one parameter less.
        with InferenceServerClient(address) as client:
            config = client.get_model_config("demo_dynamic", "1").config
        assert graph_weights(config, DEMO).origin == "demo"
        del config.parameters["checkpoint_sha256"]
        assert graph_weights(config, DEMO) == UNKNOWN
    replace(manifest, checkpoint="stand-in", checkpoint_sha256="", weights="").write(folder)
    ports = Ports(grpc=int(address.rpartition(":")[2]))
    with patient_triton(LocalTriton(local_triton_environment, tmp_path, ["demo"], ports=ports)):

        def weights_now() -> dict[str, str]:
            return gateway.client.get("/models/demo").json()["weights"]

        wait_until(lambda: weights_now()["origin"] != "demo", seconds=5, what="not asked again")
        weights = weights_now()
        assert weights["note"] == "random weights: masks mean nothing"
