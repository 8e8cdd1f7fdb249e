"""What can be known of the containers without running one."""

import fnmatch
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ocrnet.engines.triton import TritonConnection
from server.local_triton import TritonEnvironment
from server.local_triton.ports import Ports, choose_ports
from server.local_triton.process import CLIENT_RESTRICTIONS
from tests.patience import patience

SHIPPED = ("gateway", "export")


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docker-compose.yml").read_text())


def _lines(root: Path, image: str) -> list[str]:
    text = (root / "docker" / f"{image}.Dockerfile").read_text()
    return text.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("image", SHIPPED)
def test_what_an_image_copies_is_there_and_in_its_context(root: Path, image: str) -> None:
    patterns = (root / ".dockerignore").read_text().splitlines()
    kept = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    sources = [
        source
        for line in _lines(root, image)
        if line.startswith("COPY ") and "--from=" not in line
        for source in line.split()[1:-1]
    ]
    assert len(sources) >= 6
    for source in sources:
        assert (root / source).exists(), source
        assert any(fnmatch.fnmatch(Path(source).parts[0], pattern) for pattern in kept), source


def test_every_package_is_copied(root: Path) -> None:
    packages = re.findall(r'^    "(\w+)",$', (root / "pyproject.toml").read_text(), re.MULTILINE)
    top = {name for name in packages if (root / name / "__init__.py").exists()}
    assert {"ocrnet", "server"} <= top
    for image in SHIPPED:
        copied = {line.split()[1] for line in _lines(root, image) if line.startswith("COPY ")}
        assert top <= copied


@pytest.mark.parametrize("image", SHIPPED)
def test_images_do_not_run_as_root(root: Path, image: str) -> None:
    users = [line.split()[1] for line in _lines(root, image) if line.startswith("USER ")]
    assert users == ["10001:10001"]


def test_the_gateway_has_no_torch_and_is_checked_by_its_own_probe(root: Path) -> None:
    locked = (root / "requirements" / "server.txt").read_text()
    assert not re.search(r"^(torch|onnx)\b", locked, re.MULTILINE)
    text = (root / "docker" / "gateway.Dockerfile").read_text()
    assert "--require-hashes -r requirements/server.txt" in text
    assert "HEALTHCHECK" in text
    assert "/health/ready" in text


def test_only_gateways_are_published_and_on_loopback(compose: dict[str, Any]) -> None:
    assert compose["networks"]["engine"]["internal"] is True
    for name, service in compose["services"].items():
        ports = service.get("ports", [])
        assert bool(ports) == name.startswith("gateway"), name
        assert all(port.startswith("127.0.0.1:") for port in ports)
        if name.startswith("triton"):
            assert list(service["networks"]) == ["engine"]


def test_services_are_hardened_and_triton_reads_only(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name == "export":
            continue
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        if name.startswith("triton"):
            assert service["volumes"] == ["./model_repository:/models:ro"]
            assert "--disable-auto-complete-config" in service["command"]
            assert set(CLIENT_RESTRICTIONS) <= set(service["command"])
            assert "--http-address=127.0.0.1" in service["command"]
            assert "--metrics-address=127.0.0.1" in service["command"]


@pytest.mark.parametrize("service", ["triton", "triton-cpu"])
def test_a_real_triton_accepts_the_flags_and_refuses_what_they_close(
    compose: dict[str, Any],
    local_triton_environment: TritonEnvironment,
    tmp_path: Path,
    service: str,
) -> None:
    """It serves no model here: those need a GPU or other back ends."""
    _, *flags = compose["services"][service]["command"]
    http_port, ports = choose_ports(Ports()).grpc, choose_ports(Ports())
    here = {
        "--model-repository": tmp_path,
        "--grpc-address": "127.0.0.1",
        "--grpc-port": ports.grpc,
        "--http-port": http_port,
        "--metrics-port": ports.metrics,
    }
    kept = [flag for flag in flags if flag.partition("=")[0] not in here]
    server = subprocess.Popen(
        [local_triton_environment.server, *kept, *(f"{name}={at}" for name, at in here.items())],
        env=local_triton_environment.variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{ports.grpc}"
    try:
        TritonConnection(address).wait_until_ready(patience(5), lambda _: None)
        with InferenceServerClient(address) as client:
            for request in (
                lambda: client.load_model("evil", config="{}", files={"file:1/model.py": b""}),
                lambda: client.unload_model("evil"),
                lambda: client.update_log_settings({"log_verbose_level": 1}),
                lambda: client.update_trace_settings(settings={"trace_level": ["OFF"]}),
                lambda: client.register_system_shared_memory("evil", "/evil", 1),
            ):
                with pytest.raises(InferenceServerException, match="protocol is restricted"):
                    request()
        for verb in ("load", "unload"):
            url = f"http://127.0.0.1:{http_port}/v2/repository/models/evil/{verb}"
            answer = httpx2.post(url, json={}, timeout=patience(1))
            assert answer.status_code >= 400
            assert "not allowed" in answer.text
    finally:
        server.kill()
        server.wait()


def test_plans_are_built_by_the_tensorrt_that_serves_them(
    root: Path, compose: dict[str, Any]
) -> None:
    served = re.search(r":(\d+\.\d+)-py3", compose["services"]["triton"]["image"])
    built = re.search(
        r"^ARG TENSORRT_IMAGE=\S+:(\d+\.\d+)-py3$",
        (root / "docker" / "export.Dockerfile").read_text(),
        re.MULTILINE,
    )
    assert served
    assert built
    assert served[1] == built[1]


def test_compose_accepts_the_file(root: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    every = [part for name in ("gpu", "cpu", "export") for part in ("--profile", name)]
    command = [program, "-f", str(root / "docker-compose.yml"), *every, "config", "--quiet"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
