"""Variables that start with OCRNET_: those of settings, those of Kubernetes, and misspelt ones."""

import socket

import pytest

from ocrnet.cli import main
from server.environment import variable_of, wrong_variables
from server.settings import Settings


def _of_service(name: str, address: str = "10.96.0.17") -> dict[str, str]:
    """What Kubernetes' documentation says that a pod finds of a service with ports http, grpc."""
    host = f"[{address}]" if ":" in address else address
    variables = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": "80"}
    variables |= {f"{name}_SERVICE_PORT_HTTP": "80", f"{name}_SERVICE_PORT_GRPC_WEB": "8001"}
    variables |= {f"{name}_PORT": f"tcp://{host}:80"}
    for port, protocol in (("80", "tcp"), ("8001", "tcp"), ("53", "udp"), ("9", "sctp")):
        link = f"{name}_PORT_{port}_{protocol.upper()}"
        variables |= {link: f"{protocol}://{host}:{port}", f"{link}_PROTO": protocol}
        variables |= {f"{link}_PORT": port, f"{link}_ADDR": address}
    return variables


@pytest.mark.parametrize(
    ("name", "value", "nearest"),
    [
        ("OCRNET_MAX_PIXEL", "3", "OCRNET_MAX_PIXELS"),
        ("ocrnet_max_pixel", "3", "OCRNET_MAX_PIXELS"),
        ("OCRNET_MAXPIXELS", "3", "OCRNET_MAX_PIXELS"),
        ("OCRNET_MAX_PIXEL", "", "OCRNET_MAX_PIXELS"),
        ("OCRNET_PROT", "9000", "OCRNET_PORT"),
        ("OCRNET__PORT", "9000", "OCRNET_PORT"),
        ("OCRNET_HOTS", "0.0.0.0", "OCRNET_HOST"),
        ("OCRNET_MODEL", "demo", "OCRNET_MODELS"),
        ("OCRNET_LOGFORMAT", "json", "OCRNET_LOG_FORMAT"),
        # As Kubernetes names them, but with values of another kind.
        ("OCRNET_SERVICE_HOST", "localhost", None),
        ("OCRNET_SERVICE_PORT", "http", None),
        ("OCRNET_SERVICE_PORT", "0", None),
        ("OCRNET_MAX_PIXELS_PORT", "9000", "OCRNET_MAX_PIXELS"),
        ("OCRNET_TRITON_PORT", "http://10.0.0.1:80", None),
        ("OCRNET_PORT_80_TCP", "tcp://somewhere:80", None),
        ("OCRNET_PORT_80_TCP", "tcp://10.0.0.1:80/", None),
        ("OCRNET_PORT_80_TCP", "tcp://10.0.0.1", None),
        ("OCRNET_PORT_80_TCP", "tcp://user@10.0.0.1:80", None),
        ("OCRNET_PORT_80_TCP_PROTO", "http", None),
        ("OCRNET_SERVER_PORT", "9000", None),
        ("OCRNET_", "1", None),
    ],
)
def test_a_misspelt_variable_stops_the_start(
    name: str,
    value: str,
    nearest: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["serve", "--port", "0", "--models", "not opened"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ocrnet serve: {name} is not a setting: ")
    assert said.endswith("'ocrnet serve --help' lists them all\n")
    if nearest:
        assert f"did you mean {nearest}?" in said


def test_all_that_is_wrong_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OCRNET_MAX_PIXEL", "OCRNET_MAX_SIDES", "OCRNET_PORT", "ocrnet_pin", "OCRNET_PIN"):
        monkeypatch.setenv(name, "yes")
    assert main(["serve", "--models", "not opened"]) == 2
    said = capsys.readouterr().err
    assert "ocrnet serve: OCRNET_MAX_PIXEL is not" in said
    assert "ocrnet serve: OCRNET_MAX_SIDES is not" in said
    assert "ocrnet serve: --port: OCRNET_PORT='yes': Input should be a valid integer" in said
    assert "ocrnet serve: ocrnet_pin and OCRNET_PIN are the same setting: unset one" in said


def test_what_is_a_setting_or_has_another_prefix_is_accepted() -> None:
    names = [variable_of(setting) for setting in Settings.model_fields]
    assert "OCRNET_MAX_PIXELS" in names
    for some in (names, map(str.lower, names), ["OCRNETS", "OCRNET", "MY_OCRNET_MAX_PIXEL"]):
        assert wrong_variables(dict.fromkeys(some, ""), Settings.model_fields) == []


@pytest.mark.parametrize("name", ["OCRNET", "OCRNET_GATEWAY", "OCRNET_MAX_PIXEL", "OCRNET_2__B"])
@pytest.mark.parametrize("address", ["10.96.0.17", "fd00:10:96::a"])
def test_variables_of_kubernetes_are_accepted(name: str, address: str) -> None:
    variables = _of_service(name, address)
    assert len(variables) == 21
    assert wrong_variables(variables, Settings.model_fields) == []


@pytest.mark.parametrize("port", ["tcp://10.96.0.17:80", "tcp://[fd00::a]:8080"])
def test_a_port_that_kubernetes_sets_is_not_the_gateways(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (_of_service("OCRNET") | {"OCRNET_PORT": port}).items():
        monkeypatch.setenv(name, value)
    host = "127.8.7.6"  # where nobody else listens
    with socket.create_server((host, 8080)):
        assert main(["serve", "--host", host]) == 1
        said = capsys.readouterr().err.splitlines()
        assert said[0].startswith(f"Ignored OCRNET_PORT={port}, which Kubernetes sets")
        assert said[1] == f"ocrnet serve: cannot listen on {host}:8080: address already in use"
    with socket.create_server((host, 0)) as taken:
        number = taken.getsockname()[1]
        assert main(["serve", "--host", host, "--port", str(number)]) == 1
        assert capsys.readouterr().err.startswith(f"ocrnet serve: cannot listen on {host}:{number}")
