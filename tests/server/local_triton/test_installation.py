"""Installing the local Triton, with nothing fetched."""

import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocrnet.errors import OcrnetError
from server.local_triton import (
    TritonEnvironment,
    find_environment,
    install_environment,
    installation,
    interpreter,
)
from tests.patience import wait_until

HERE = interpreter.Interpreter("/usr/bin/python3.11", "3.11.7", "/usr", "")


class _Installer:
    """Stands for venv and pip; fails at pip while `broken`."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.broken = False
        self.before: Callable[[], None] = lambda: None

    def run(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        self.before()
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)
        elif self.broken:
            return subprocess.CompletedProcess(command, 1, "", "pip failed\n")
        else:
            folder = Path(command[0]).parents[1]
            placed = TritonEnvironment(folder, "3.11")
            stub = placed.backends.parent / "python_backend_stubs" / "3.11"
            for new in (placed.server.parent, placed.backends / "python", stub):
                new.mkdir(parents=True)
            placed.server.touch()
            (stub / "triton_python_backend_stub").touch()
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> _Installer:
    installer = _Installer()
    monkeypatch.setattr(installation.subprocess, "run", installer.run)
    monkeypatch.setattr(installation, "find_interpreter", lambda: HERE)
    return installer


def test_it_is_installed_once(installer: _Installer, tmp_path: Path) -> None:
    said: list[str] = []
    assert find_environment(tmp_path) is None
    first = install_environment(tmp_path, said.append)
    assert (first.backends / "python" / "triton_python_backend_stub").is_file()
    _, pip = installer.commands
    assert "--require-hashes" in pip
    assert install_environment(tmp_path, said.append) == first == find_environment(tmp_path)
    assert len(installer.commands) == 2
    assert len(said) == 1
    assert str(first.folder) in said[0]


def test_what_is_installed_is_used_without_writing(installer: _Installer, tmp_path: Path) -> None:
    first = install_environment(tmp_path)
    (tmp_path / "lock").unlink()
    assert install_environment(tmp_path) == first
    assert not (tmp_path / "lock").exists()  # a container's folders are read-only


def test_what_was_interrupted_is_done_anew(installer: _Installer, tmp_path: Path) -> None:
    installer.broken = True
    with pytest.raises(OcrnetError, match="pip failed"):
        install_environment(tmp_path)
    assert find_environment(tmp_path) is None
    installer.broken = False
    found = install_environment(tmp_path)
    assert find_environment(tmp_path) == found
    (found.folder / "complete.json").write_text("of other versions")
    assert find_environment(tmp_path) is None
    (found.folder / "old").touch()
    install_environment(tmp_path)
    assert not (found.folder / "old").exists()


def test_only_one_installs_at_a_time(installer: _Installer, tmp_path: Path) -> None:
    said: list[str] = []
    waiting = "Waiting for another installation"
    installer.before = lambda: wait_until(
        lambda: any(line.startswith(waiting) for line in said), seconds=1
    )
    threads = [
        threading.Thread(target=install_environment, args=(tmp_path, said.append)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(installer.commands) == 2
    assert any(line.startswith(waiting) for line in said)


def test_the_default_is_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert installation.default_folder() == Path("/caches/ocrnet/triton")


def test_a_folder_that_cannot_be_written_is_named(installer: _Installer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OcrnetError, match=r"cannot install Triton into .*/file: File exists"):
        install_environment(tmp_path / "file")


def test_a_command_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no room; exit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(
        installation, "find_interpreter", lambda: replace(HERE, executable=str(python))
    )
    with pytest.raises(OcrnetError, match=r"python -m venv .* failed:\nno room"):
        install_environment(tmp_path / "triton")


def test_the_server_sees_its_own_packages_alone_and_reports_to_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")
    variables = TritonEnvironment(Path("/there"), "3.11").variables()
    assert "PYTHONPATH" not in variables
    assert variables["PATH"].startswith("/there/bin:")
    assert variables["LD_LIBRARY_PATH"] == "/there/libpython"
    assert variables["ORT_DISABLE_TELEMETRY"] == "1"


@pytest.mark.parametrize(
    ("machine", "here"),
    [
        (("darwin", "arm64", "", ""), "this is darwin on arm64"),
        (("linux", "aarch64", "glibc", "2.36"), "this is linux on aarch64"),
        (("linux", "x86_64", "glibc", "2.31"), r"here is glibc 2\.31"),
        (("linux", "x86_64", "", ""), "here is another C library"),
    ],
)
def test_machines_that_cannot_run_it_are_told(machine: Any, here: str) -> None:
    with pytest.raises(OcrnetError, match=rf"glibc 2\.35 or newer, {here}: use a Triton in"):
        interpreter.check_machine(*machine)


def test_pythons_that_cannot_run_it_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    facts = '{"implementation": "CPython", "version": "%s", "prefix": "/usr", "library": null}'
    for name, version in (("here", "3.14.0"), ("python3.12", "3.12.1")):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{facts % version}'\n")
        path.chmod(0o755)
    monkeypatch.setattr(interpreter, "check_machine", lambda *_: None)
    monkeypatch.setattr(interpreter.sys, "executable", str(tmp_path / "here"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(interpreter, "MINORS", (12,))
    with pytest.raises(
        OcrnetError, match=r"here is CPython 3\.14\.0; .*has no libpython3\.12"
    ) as e:
        interpreter.find_interpreter()
    assert "libpython3.11" in str(e.value)
