"""Servers that are none, for what needs no Triton; and what is left of one that has ended."""

import shutil
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
def remains() -> Callable[[int], list[str]]:
    """What is left of the server with that process id, its models, and what they share."""

    def remains(pid: int) -> list[str]:
        found = [f"/dev/shm/{path.name}" for path in Path("/dev/shm").glob(f"*_{pid}_*")]
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = status.read_text(encoding="utf-8").rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(rest.split()[2]) == pid:  # its process group
                found.append(name)
        return found

    return remains
