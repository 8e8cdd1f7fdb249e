"""One Triton serves, and everything that names it or its TensorRT names the same."""

import re
import tomllib
from pathlib import Path

import pytest

from export.tensorrt.api import load_tensorrt
from export.tensorrt.served_version import (
    SERVED_TRITON,
    other_version_installed,
    same_tensorrt,
)
from ocrnet.errors import ArtefactError


@pytest.mark.parametrize(
    ("place", "image"),
    [("docker-compose.yml", "tritonserver"), ("docker/export.Dockerfile", "tensorrt")],
)
def test_containers_have_that_triton_and_its_tensorrt(root: Path, place: str, image: str) -> None:
    tags = re.findall(rf"nvcr\.io/nvidia/{image}:(\d+\.\d+)", (root / place).read_text())
    assert tags
    assert set(tags) == {SERVED_TRITON.tag}


def test_pip_installs_that_tensorrt(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    gpu = project["optional-dependencies"]["gpu"]
    assert [one for one in gpu if one.startswith("tensorrt")] == [SERVED_TRITON.requirement]
    assert SERVED_TRITON.requirement == "tensorrt==11.1.0.*"


def test_documents_name_that_triton(root: Path) -> None:
    text = (root / "docs" / "triton.md").read_text()
    assert f"{SERVED_TRITON.tag}: TensorRT {SERVED_TRITON.tensorrt}" in text


@pytest.mark.parametrize(
    ("built_by", "same"),
    [
        ("11.1.0.106", True),
        ("11.1.0", True),
        ("11.1", True),
        ("11.1.2.3", False),
        ("11.10.0.1", False),
        ("11.4.0.106", False),
        ("10.1.0", False),
        ("1", False),
        ("", False),
    ],
)
def test_versions_are_compared_number_by_number(built_by: str, same: bool) -> None:
    assert same_tensorrt(built_by, SERVED_TRITON.tensorrt) is same
    assert bool(other_version_installed(built_by)) is not same


def test_without_tensorrt_the_right_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("export.tensorrt.api.importlib.import_module", import_module)
    with pytest.raises(ArtefactError, match=r"pip install 'tensorrt==11\.1\.0\.\*'"):
        load_tensorrt("tensorrt")
    with pytest.raises(ArtefactError, match=r"pip install tensorrt-rtx$"):
        load_tensorrt("tensorrt_rtx")
