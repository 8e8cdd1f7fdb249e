"""A Triton that cannot load a model is not ready, and the gateway says how to find out why."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tritonclient.utils import InferenceServerException

from ocrnet.engines.triton import TritonConnection
from ocrnet.errors import ArtefactError
from server.local_triton import TritonEnvironment
from server.local_triton.ports import Ports, choose_ports
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow


def test_a_triton_that_refuses_a_model_is_waited_for_and_then_named(
    local_triton_environment: TritonEnvironment, root: Path, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(root / "model_repository" / "demo_dynamic", models / "demo_dynamic")
    ports = choose_ports(Ports())
    server = subprocess.Popen(
        [
            local_triton_environment.server,
            f"--model-repository={models}",
            "--exit-on-error=false",
            "--allow-http=false",
            "--allow-metrics=false",
            "--grpc-address=127.0.0.1",
            f"--grpc-port={ports.grpc}",
        ],
        env=local_triton_environment.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    connection = TritonConnection(f"127.0.0.1:{ports.grpc}")
    try:
        wait_until(lambda: _answers(connection), seconds=5)
        with pytest.raises(ArtefactError) as found:
            connection.wait_until_ready(patience(0), lambda _: None)
        text = str(found.value)
        assert "one of them has failed, as its log says" in text
        assert "'ocrnet export repository NAME --check' finds artefacts that it refuses" in text
    finally:
        server.kill()
        server.wait()


def _answers(connection: TritonConnection) -> bool:
    with connection.blocking() as client:
        try:
            return bool(client.is_server_live(client_timeout=patience(1)))
        except InferenceServerException:
            return False
