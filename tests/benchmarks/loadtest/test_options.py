"""The command line: what is refused before anything starts, and with which words."""

import sys
from pathlib import Path

import pytest

from benchmarks.loadtest.options import Options, read_options


def _read(*argv: str) -> Options:
    return read_options(list(argv), "what it does")


def _refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        _read(*argv)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://192.168.1.7:8080",
        "http://0.0.0.0:8080",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://[2001:db8::1]:80",
    ],
)
def test_another_machine_is_not_loaded_unless_that_is_said(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _refused(capsys, "--url", url)
    assert "is an attack" in said
    assert "--allow-remote" in said
    assert _read("--url", url, "--allow-remote").url == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:80"])
def test_this_machine_may_be_loaded(url: str) -> None:
    options = _read("--url", url)
    assert (options.url, options.plan.clients) == (url, 4)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_what_is_no_url_is_refused_whatever_is_allowed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "it takes http://HOST:PORT" in _refused(capsys, "--url", url, "--allow-remote")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--steps", "1,0"], "'0': it takes a number above 0"),
        (["--steps", ""], "'': it takes a number above 0"),
        (["--seconds", "inf"], "'inf': it takes a number above 0"),
        (["--timeout", "-1"], "'-1': it takes a number above 0"),
        (["--max-requests-per-step", "0"], "'0': it takes a whole number"),
        (["--max-connections", "1e3"], "'1e3': it takes a whole number"),
        (["--mix", "fast"], "a mix is small, street"),
        (["--chart", "load.jpg"], "it ends in .png or .svg"),
        (["--chart", "/no/such/folder/load.svg"], "there is no folder /no/such/folder"),
        (["--json", "/no/such/folder/load.json"], "there is no folder /no/such/folder"),
        (["--url", "http://localhost", "--", "--triton", "local"], "leave out --url"),
        (["--", "--max-requests", "0"], "the gateway's settings: Input should be greater"),
        (["--triton", "local"], "unrecognized arguments"),
    ],
)
def test_a_bad_argument_ends_with_status_2_and_says_what_would_be_good(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in _refused(capsys, *argv)


def test_flags_after_two_dashes_are_the_gateway_s() -> None:
    options = _read("--mix", "small", "--", "--triton", "local", "--max-requests", "6")
    assert options.serve_flags == ("--triton", "local", "--max-requests", "6")
    assert options.plan.clients == 6
    assert _read("--concurrency", "2", "--", "--max-requests=6").plan.clients == 2
    assert _read("--", "--max-requests=6").plan.clients == 6


def test_the_gateway_s_environment_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCRNET_MAX_REQUESTS", "3")
    assert _read().plan.clients == 3
    assert _read("--", "--max-requests", "5").plan.clients == 5


def test_the_defaults_are_bounded() -> None:
    plan = _read().plan
    assert plan.steps == (0.5, 0.8, 1, 1.5, 2, 3, 5)
    assert (plan.seconds, plan.most_requests, plan.most_connections) == (20, 2000, 1000)
    assert (plan.timeout, plan.deadline, plan.total_seconds) == (30, 30, 600)
    assert _read("--timeout", "7").plan.deadline == 7
    assert _read("--deadline", "2").plan.deadline == 2


@pytest.mark.skipif(sys.platform != "linux", reason="limits differ")
def test_more_connections_than_the_system_allows_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 512))
    assert "allows 512 open files" in _refused(capsys, "--max-connections", "500")
