"""Where the gateway listens: what is refused, the URL that it names, and who can reach it."""

import json
import re
import socket
from pathlib import Path

import httpx2
import pytest

from ocrnet.cli import main
from server.listening import exposure, listen, url_of
from server.settings import Settings
from tests.conftest import patient_gateway
from tests.patience import patience

pytestmark = pytest.mark.slow

NEVER = [
    "",
    " ",
    "\t\n",
    "*",
    "[]",
    "[ ]",
    "[localhost]",
    "[127.0.0.1]",
    "127.0.0.1:8080",
    "127.0.0.1 ",
    "localhost:80",
    "http://localhost",
    "::1]",
    "[::1]:80",
    "::ffff:0.0.0.0",
    ":",
]


def _skip_without_ipv6(host: str) -> None:
    if ":" in host:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            pytest.skip(f"this system has no IPv6: {error}")


@pytest.mark.parametrize("host", NEVER)
@pytest.mark.parametrize("way", ["flag", "variable"])
def test_what_is_no_address_is_refused_with_what_would_be_one(
    host: str, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--host", host] if way == "flag" else []
    if way == "variable":
        monkeypatch.setenv("OCRNET_HOST", host)
    assert main(["serve", "--port", "0", "--models", "not opened", *flags]) == 2
    given = repr(host) if way == "flag" else f"OCRNET_HOST={host!r}"
    said = capsys.readouterr().err
    assert said.startswith(f"ocrnet serve: --host: {given}: it takes an address of this machine")
    assert "127.0.0.1 or localhost for this machine alone, 0.0.0.0 for all" in said


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "it is not an address of this machine"),  # of documentation (RFC 5737)
        ("2001:db8::1", "it is not an address of this machine"),
        ("nowhere.invalid", "there is no such address"),
        ("a..b", "there is no such address"),
        ("a" * 300, "there is no such address"),
    ],
)
def test_an_address_of_no_interface_is_named(
    host: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _skip_without_ipv6(host)
    assert main(["serve", "--port", "0", "--host", host, "--models", "not opened"]) == 1
    said = capsys.readouterr().err
    assert re.match(r"ocrnet serve: cannot listen on \S+:0: ", said)
    assert f"{why}; --host takes an address of this machine" in said


@pytest.mark.parametrize(
    ("host", "opens", "others"),
    [
        ("127.0.0.1", "127.0.0.1", None),
        ("127.1.2.3", "127.1.2.3", None),
        ("localhost", "localhost", None),
        ("::1", "[::1]", None),
        ("[::1]", "[::1]", None),
        ("0.0.0.0", "127.0.0.1", "any IPv4 address of this machine"),
        ("0", "127.0.0.1", "any IPv4 address of this machine"),
        ("::", "[::1]", "any IPv6 address of this machine"),
        ("[::]", "[::1]", "any IPv6 address of this machine"),
    ],
)
def test_its_url_opens_it_and_others_are_told_of(host: str, opens: str, others: str | None) -> None:
    _skip_without_ipv6(host)
    host = Settings(host=host).host
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        url = httpx2.URL(url_of(host, listener))
        assert str(url) == f"http://{opens}:{port}"
        with socket.create_connection((url.host, port), timeout=patience(1)):
            listener.accept()[0].close()
        said = exposure(listener)
    if others is None:
        assert said is None
    else:
        assert said is not None
        assert said.startswith(f"Anyone who can reach port {port} of {others} may use everything")
        assert "/metrics and /docs included, without authentication or TLS: put a proxy" in said


@pytest.mark.parametrize("form", ["text", "json"])
def test_at_its_start_it_says_what_is_exposed(tmp_path: Path, form: str) -> None:
    flags = ["--host", "0.0.0.0", "--load", "first-use", "--log-format", form]
    with patient_gateway(tmp_path / "quiet", *flags, "--log-level", "warning") as gateway:
        assert "without authentication or TLS" in gateway.log.read_text()
    with patient_gateway(tmp_path / "log", *flags) as gateway:
        lines = gateway.log.read_text().splitlines()
        said = [json.loads(line)["message"] for line in lines] if form == "json" else lines
        (serving,) = [line for line in said if line.startswith("Serving demo (")]
        url = serving.split()[-1] + "/health/live"
        assert httpx2.get(url, timeout=patience(1)).status_code == 200
        assert [line for line in said if "without authentication or TLS" in line]
