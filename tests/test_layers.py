"""The layers of the design, and what each part starts without."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from tests.patience import patience

_BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)
sys.meta_path.insert(0, Blocker())
{code}
"""


def _run_without(names: set[str], code: str) -> subprocess.CompletedProcess[str]:
    script = _BLOCKED.format(names=names, code=code)
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=patience(30), check=False
    )


def test_import_contracts_hold(root: Path) -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_the_gateway_starts_without_what_only_the_exporter_needs() -> None:
    code = """
from pathlib import Path
from server.app import create_app
from server.models import open_models
from server.settings import Settings
models = open_models(Settings(), print)
print(len(create_app(Settings(), models).routes) > 5)
assert "torch" not in sys.modules
"""
    result = _run_without({"torch", "onnx", "onnxruntime", "safetensors", "httpx2"}, code)
    assert result.stdout.strip() == "True", result.stderr


def test_the_core_starts_without_a_web_framework() -> None:
    code = "import ocrnet.engines.openvino, ocrnet.commands.segment; print('ok')"
    web = {"fastapi", "starlette", "uvicorn", "pydantic", "pydantic_settings", "torch", "onnx"}
    result = _run_without(web, code)
    assert result.stdout.strip() == "ok", result.stderr


@pytest.mark.slow
def test_gpu_artefacts_and_measurements_do_without_the_cpu_s_runtime() -> None:
    code = """
import benchmarks.acceptance.parity, benchmarks.fps, benchmarks.speed.device_runners
import export.artefacts.build_artefact, export.evaluation.verification
print("ok")
"""
    others = {"openvino", "nncf", "tritonclient", "httpx2", "fastapi", "polygraphy", "matplotlib"}
    result = _run_without(others, code)
    assert result.stdout.strip() == "ok", result.stderr


@pytest.mark.slow
def test_measurements_are_shown_without_tabulate() -> None:
    code = """
import benchmarks.acceptance.acceptance_tables, benchmarks.fps
from benchmarks.lib.table import Table
print(Table(["engine", "fps"], [["torch", "12"]]).for_terminal())
"""
    result = _run_without({"tabulate"}, code)
    assert result.stdout == "engine\tfps\ntorch\t12\n", result.stderr


@pytest.mark.parametrize("command", [["export", "build", "demo"], ["export", "pull", "demo"]])
def test_export_without_torch_says_what_to_install(command: list[str]) -> None:
    code = f"from ocrnet.cli import main; sys.exit(main({command!r}))"
    result = _run_without({"torch"}, code)
    assert result.returncode == 1
    assert "make .venv" in result.stderr


def test_no_file_is_too_long(root: Path, tracked: Callable[[str], list[str]]) -> None:
    names = tracked("*.py")
    assert "tests/test_layers.py" in names
    long = {name: n for name in names if (n := len((root / name).read_text().splitlines())) > 300}
    assert not long


# Every package may have one of each.
_USUAL_NAMES = {"__init__.py", "__main__.py", "cli.py"}
# A route is called as its subject.
_ROUTE_AND_SUBJECT = {PurePosixPath("server"), PurePosixPath("server/routes")}


@pytest.mark.parametrize("package", ["ocrnet", "server", "export", "benchmarks"])
def test_no_two_files_of_a_package_have_one_name(
    package: str, tracked: Callable[[str], list[str]]
) -> None:
    folders = defaultdict(set)
    for path in map(PurePosixPath, tracked(f"{package}/*.py")):
        if path.name not in _USUAL_NAMES:
            folders[path.name].add(path.parent)
    assert len(folders) > 10
    twice = {
        name: found
        for name, found in folders.items()
        if len(found) > 1 and found != _ROUTE_AND_SUBJECT
    }
    assert not twice
