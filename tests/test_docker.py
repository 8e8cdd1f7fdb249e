"""What can be known of the containers without running one."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from ocrnet.engines.triton import TritonConnection
from ocrnet.zoo import get_spec
from server.local_triton import TritonEnvironment
from server.local_triton.ports import Ports, choose_ports
from server.local_triton.process import CLIENT_RESTRICTIONS
from server.local_triton.repository import write_repository
from server.settings import Settings
from tests.conftest import missing
from tests.patience import patience

SHIPPED = ("gateway", "export")
IMAGES = (*SHIPPED, "triton-cpu")
PROFILES = ("gpu", "cpu", "export")


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
        places = [source, *map(str, Path(source).parents)]
        assert any(fnmatch.fnmatch(place, pattern) for place in places for pattern in kept), source


@pytest.mark.parametrize("file", ["model_sm80_fp16.plan", "model_fp16.onnx", "model_int8.onnx"])
def test_what_only_gpus_run_is_not_in_the_gateway_s_image(root: Path, file: str) -> None:
    """Later patterns win, and plans are hundreds of megabytes."""
    lines = (root / ".dockerignore").read_text().splitlines()
    later = lines[lines.index("!model_repository") + 1 :]
    for name in (file, f"{file}.manifest.json"):
        path = f"model_repository/demo_window/1/{name}"
        assert any(fnmatch.fnmatch(path, pattern.replace("**", "*")) for pattern in later), name


def test_every_package_is_copied(root: Path) -> None:
    packages = re.findall(r'^    "(\w+)",$', (root / "pyproject.toml").read_text(), re.MULTILINE)
    top = {name for name in packages if (root / name / "__init__.py").exists()}
    assert {"ocrnet", "server"} <= top
    for image, needed in {"export": top, "gateway": {"ocrnet", "server"}}.items():
        copied = {line.split()[1] for line in _lines(root, image) if line.startswith("COPY ")}
        assert copied & top == needed


@pytest.mark.parametrize("image", IMAGES)
def test_images_do_not_run_as_root(root: Path, image: str) -> None:
    users = [line.split()[1] for line in _lines(root, image) if line.startswith("USER ")]
    assert users[-1] == ("1000:1000" if image == "triton-cpu" else "10001:10001")


def test_services_do_not_run_as_root(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name.startswith("triton"):
            assert service["user"] == "1000:1000"  # triton-server in NVIDIA's image
        elif name != "export":  # which becomes the folder's owner: tests/docker
            assert "user" not in service


def test_the_gateway_has_no_torch_and_is_checked_by_its_own_probe(root: Path) -> None:
    locked = (root / "requirements" / "server.txt").read_text()
    assert not re.search(r"^(torch|onnx)\b", locked, re.MULTILINE)
    text = "\n".join(_lines(root, "gateway"))
    assert re.search(r"--require-hashes +-r requirements/server.txt", text)
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
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service.get("cap_add", []) == (["SETUID", "SETGID"] if name == "export" else [])
        assert "no-new-privileges:true" in service["security_opt"]
        if name.startswith("triton"):
            assert all(volume.endswith(":ro") for volume in service["volumes"])
            assert "./model_repository:/models:ro" in service["volumes"]
            assert "--disable-auto-complete-config" in service["command"]
            assert set(CLIENT_RESTRICTIONS) <= set(service["command"])
            assert "--http-address=127.0.0.1" in service["command"]
            assert "--metrics-address=127.0.0.1" in service["command"]


def test_running_requests_have_time_before_a_container_is_killed(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name == "export":
            continue
        grace = int(service["stop_grace_period"].removesuffix("s"))
        if name.startswith("gateway"):
            # Named, so that a change of the default cannot pass the grace period by.
            drain = service["environment"]["OCRNET_DRAIN_TIMEOUT"]
            assert drain == Settings.model_fields["drain_timeout"].default
        else:
            (flag,) = [part for part in service["command"] if "--exit-timeout-secs" in part]
            drain = int(flag.partition("=")[2])
        assert grace >= drain + 10, name


def test_triton_starts_with_the_models_that_are_whole(root: Path, compose: dict[str, Any]) -> None:
    for name in ("triton", "triton-cpu"):
        service = compose["services"][name]
        assert service["command"][:2] == ["python3", "/ocrnet/start.py"]
        assert "./docker/triton:/ocrnet:ro" in service["volumes"]
        assert (root / "docker" / "triton" / "start.py").is_file()
        # It waits where nothing is whole, so that this does not restart for ever.
        assert any(part.startswith("--wait=") for part in service["command"])
        assert service["restart"] == "unless-stopped"


def _start_command(
    root: Path,
    compose: dict[str, Any],
    service: str,
    environment: TritonEnvironment,
    models: Path,
) -> tuple[list[str], Ports, int]:
    """A service's command with this machine's places; its ports, and that of HTTP."""
    _, script, *flags = compose["services"][service]["command"]
    assert script == "/ocrnet/start.py"
    http_port, ports = choose_ports(Ports()).grpc, choose_ports(Ports())
    here = {
        "--model-repository": models,
        "--tritonserver": environment.server,
        "--grpc-address": "127.0.0.1",
        "--grpc-port": ports.grpc,
        "--http-port": http_port,
        "--metrics-port": ports.metrics,
        "--backend-directory": environment.backends,
    }
    kept = [flag for flag in flags if flag.partition("=")[0] not in here]
    command = [sys.executable, str(root / "docker" / "triton" / "start.py"), *kept]
    return [*command, *(f"{name}={value}" for name, value in here.items())], ports, http_port


@pytest.mark.slow
@pytest.mark.parametrize("service", ["triton", "triton-cpu"])
def test_a_real_triton_serves_what_is_whole_and_refuses_what_the_flags_close(
    root: Path,
    compose: dict[str, Any],
    local_triton_environment: TritonEnvironment,
    tmp_path: Path,
    service: str,
) -> None:
    """Its one back end is Python; one model that is not whole would stop it."""
    models = tmp_path / "models"
    write_repository(models, root / "model_repository", [get_spec("demo")], kinds=["dynamic"])
    for name in ("demo_window", "demo_whole"):
        shutil.copytree(root / "model_repository" / name, models / name, dirs_exist_ok=True)
        shutil.rmtree(models / name / "1", ignore_errors=True)
    command, ports, http_port = _start_command(
        root, compose, service, local_triton_environment, models
    )
    variables = local_triton_environment.variables() | {"TMPDIR": str(tmp_path)}
    server = subprocess.Popen(
        command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"127.0.0.1:{ports.grpc}"
    try:
        TritonConnection(address).wait_until_ready(patience(10), lambda _: None)
        with InferenceServerClient(address) as client:
            assert client.is_model_ready("demo_dynamic")
            assert not client.is_model_ready("demo_window")
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
        server.terminate()
        assert server.wait(patience(10)) == 0
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


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Finds a program of the extra `dev`, which lies beside this Python."""

    def tool(name: str) -> str:
        places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
        return shutil.which(name, path=places) or missing(name, "is not installed (make .venv)")

    return tool


@pytest.mark.parametrize("profiles", [*((profile,) for profile in PROFILES), PROFILES])
def test_compose_accepts_every_profile(
    root: Path, tool: Callable[[str], str], compose: dict[str, Any], profiles: tuple[str, ...]
) -> None:
    flags = [part for name in profiles for part in ("--profile", name)]
    command = [tool("docker-compose"), "-f", str(root / "docker-compose.yml"), *flags]
    variables = {"PATH": os.environ["PATH"], "HOME": "/nowhere"}
    done = subprocess.run(
        [*command, "config", "--services"],
        cwd=root,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "level=warning" not in done.stderr
    assert sorted(done.stdout.split()) == sorted(
        name
        for name, service in compose["services"].items()
        if set(profiles) & set(service["profiles"])
    )


@pytest.mark.parametrize("image", IMAGES)
def test_dockerfiles_pass_hadolint(root: Path, tool: Callable[[str], str], image: str) -> None:
    path = root / "docker" / f"{image}.Dockerfile"
    done = subprocess.run(
        [tool("hadolint"), str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
