"""Servers that are none, for what needs no Triton; and what is left of one that has ended."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from server.local_triton import TritonEnvironment


@pytest.fixture
def fake_environment(tmp_path: Path) -> Callable[[str], TritonEnvironment]:
    """An environment whose server is a shell script."""

    def make(script: str) -> TritonEnvironment:
        environment = TritonEnvironment(tmp_path / "environment", "3.11")
        environment.server.parent.mkdir(parents=True)
        environment.server.write_text(f"#!/bin/sh\n{script}\n")
        environment.server.chmod(0o755)
        return environment

    return make


@pytest.fixture
def demo_repository(tmp_path: Path, root: Path) -> Path:
    """The demo's dynamic graph alone, with its configurations."""
    folder = tmp_path / "repository"
    name = "demo_dynamic"
    shutil.copytree(root / "model_repository" / name, folder / name)
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where servers of this process put their scratch folders, and nobody else anything."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def remains() -> Callable[[Path], list[str]]:
    """What is left of a server that logs into its scratch folder: processes, shared memory."""

    def remains(scratch: Path) -> list[str]:
        found = [str(path) for path in Path("/dev/shm").glob(f"{scratch.name}_*")]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                log = (process / "fd" / "2").readlink()
                name = (process / "comm").read_text(encoding="utf-8").strip()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if log.is_relative_to(scratch):
                found.append(name)
        return found

    return remains
