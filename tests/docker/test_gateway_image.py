"""The steps that make the gateway's image small fail where the packages are laid out otherwise."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rapidjson

from tests.patience import patience

pytestmark = pytest.mark.slow


def run(root: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = root / "docker" / "gateway" / script
    return subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        timeout=patience(20),
        check=False,
    )


def test_the_image_installs_neither_the_exporter_nor_the_benchmarks(
    root: Path, tmp_path: Path
) -> None:
    whole = (root / "pyproject.toml").read_text()
    path = tmp_path / "pyproject.toml"
    path.write_text(whole)
    done = run(root, "server_packages.py", str(path))
    assert done.returncode == 0, done.stderr
    before, after = tomllib.loads(whole), tomllib.loads(path.read_text())
    packages = after["tool"]["setuptools"].pop("packages")
    assert packages == [
        name
        for name in before["tool"]["setuptools"].pop("packages")
        if name.partition(".")[0] in ("ocrnet", "server")
    ]
    del before["tool"]["setuptools"]["package-data"]["export"]
    del before["project"]["entry-points"]["ocrnet.commands"]["export"]
    assert after == before, "something else was changed"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    "export.graphs",', '    "export.graphs", "export.more",'),
        ('export = "export.cli:register"', 'exporter = "export.cli:register"'),
        ('server = ["page/*"', 'benchmarks = {}\nserver = ["page/*"'),
    ],
)
def test_another_pyproject_is_refused(root: Path, tmp_path: Path, old: str, new: str) -> None:
    text = (root / "pyproject.toml").read_text()
    assert old in text
    path = tmp_path / "pyproject.toml"
    path.write_text(text.replace(old, new))
    before = path.read_text()
    done = run(root, "server_packages.py", str(path))
    assert done.returncode != 0
    assert "would install" in done.stderr
    assert path.read_text() == before


def test_unused_files_are_removed_and_others_stay(
    root: Path, tmp_path: Path, needed: Callable[[str], str]
) -> None:
    needed("strip")
    removed, kept = _site_packages(tmp_path)
    done = run(root, "remove_unused.py", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not any(path.exists() for path in removed)
    assert all(path.exists() for path in kept)
    assert "MB removed" in done.stdout


def test_another_layout_stops_the_build_before_anything_is_removed(
    root: Path, tmp_path: Path
) -> None:
    removed, _ = _site_packages(tmp_path)
    removed[0].rename(removed[0].with_name("renamed"))
    done = run(root, "remove_unused.py", str(tmp_path))
    assert done.returncode != 0
    assert "libopenvino_intel_gpu_plugin.so" in done.stderr
    assert all(path.exists() for path in removed[1:])


def test_what_is_removed_is_where_the_locked_packages_have_it(root: Path) -> None:
    """By this environment's packages, without removing them."""
    import numpy as np
    import openvino

    packages = Path(openvino.__file__).parents[1]
    assert Path(np.__file__).parents[1] == packages
    script = (root / "docker" / "gateway" / "remove_unused.py").read_text()
    facts: dict[str, Any] = {}
    exec(script.partition("\ndef main")[0], facts)
    for pattern in (*facts["_UNUSED"], *facts["_DEBUGGABLE"]):
        assert sorted(packages.glob(pattern)), pattern


def test_the_check_runs_both_formats(root: Path) -> None:
    graph = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    done = run(root, "check_engine.py", str(graph))
    assert done.returncode == 0, done.stderr
    assert "runs as ONNX and as OpenVINO's format" in done.stdout


def test_sizes_are_a_table(root: Path) -> None:
    done = run(root, "package_sizes.py")
    assert done.returncode == 0, done.stderr
    head, _, *rows = done.stdout.splitlines()
    assert head == "| package | MB |"
    sizes = {row.split("|")[1].strip(): float(row.split("|")[2]) for row in rows}
    assert any(name.startswith("openvino ") for name in sizes)
    whole = sizes.pop("all")
    assert abs(sum(sizes.values()) - whole) < 0.1 * len(sizes)


def _site_packages(folder: Path) -> tuple[list[Path], list[Path]]:
    """Files and folders as in site-packages: those to be removed, and those to be kept.

    Of what is only stripped, a library of this environment is there.
    """
    libraries = folder / "openvino" / "libs"
    names = [f"libopenvino_{name}.so" for name in (
        "intel_gpu_plugin", "intel_npu_plugin", "auto_batch_plugin", "hetero_plugin",
    )]  # fmt: skip
    names += [f"libopenvino_{name}_frontend.so.2641" for name in (
        "tensorflow", "tensorflow_lite", "pytorch", "paddle", "jax", "gguf",
    )]  # fmt: skip
    removed = [libraries / name for name in (*names, "cache.json")]
    removed += [folder / "openvino" / "include" / "a.hpp", folder / "openvino" / "cmake" / "a"]
    removed += [folder / "numpy" / "_core" / name / "a" for name in ("tests", "include")]
    kept = [libraries / f"libopenvino_{name}" for name in (
        "intel_cpu_plugin.so", "onnx_frontend.so.2641", "ir_frontend.so.2641",
    )] + [folder / "numpy" / "testing" / "a.py"]  # fmt: skip
    for name in ("ml_dtypes/_ml_dtypes_ext.cpython-312-x86_64-linux-gnu.so", "rapidjson.abi.so"):
        library = folder / name
        library.parent.mkdir(parents=True, exist_ok=True)
        library.write_bytes(Path(rapidjson.__file__).read_bytes())
        kept.append(library)
    for path in (*removed, *kept[:4]):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return removed, kept
