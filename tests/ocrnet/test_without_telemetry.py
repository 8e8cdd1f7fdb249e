"""Nothing of ours reports to anyone: OpenVINO would as soon as it is imported."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_PACKAGES = ("ocrnet", "server", "export", "benchmarks")
_REPORTING = {"nncf", "onnxruntime", "openvino"}
# Runs in an environment of its own, whose variables say that ONNX Runtime is not to report.
_ELSEWHERE = "server/local_triton/model.py"
_SEES_TO_IT = "ocrnet/without_telemetry.py"

# Where ours begin: what a user calls, and a way to OpenVINO or ONNX Runtime by each kind of import.
_ENTRIES = {
    "engine": "import ocrnet.engines.openvino",
    "other engine": "import ocrnet.engines.onnxruntime",
    "server": """
from server.models import open_models
from server.settings import Settings
open_models(Settings(), print)
""",
    "quantisation": "import export.int8.quantise",
    "verification": "import export.evaluation.runners",
    "export commands": "from export.commands.requirements import needs_export_extra as n; n()",
    "speed": "from benchmarks.speed.compute import measured_peak; measured_peak(8, 1)",
}


@pytest.mark.parametrize("entry", _ENTRIES.values(), ids=_ENTRIES)
def test_no_identifier_is_made_and_nothing_can_be_sent(
    entry: str, root: Path, tmp_path: Path
) -> None:
    code = f"""
import os
import sys
{entry}
assert {{"nncf", "onnxruntime", "openvino"}} & sys.modules.keys(), "it imports none of them"
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
import openvino  # the whole of it: its `tools` are what reports
assert sys.modules["openvino_telemetry"] is None
assert not any(name.startswith("openvino_telemetry.") for name in sys.modules)
assert openvino.tools.ovc.telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
"""
    # It keeps still under CI=true of itself.
    quiet = ("CI", "TF_BUILD", "JENKINS_URL", "ORT_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "intel").exists()


@pytest.fixture(scope="module")
def trees(root: Path) -> dict[str, ast.AST]:
    """Every file of ours, parsed."""
    files = [file for package in _PACKAGES for file in (root / package).rglob("*.py")]
    return {str(file.relative_to(root)): ast.parse(file.read_bytes()) for file in files}


def _imported(tree: ast.AST) -> set[str]:
    """Every package that is imported, wherever that stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_one_file_of_ours_imports_them(trees: dict[str, ast.AST]) -> None:
    found = {name for name, tree in trees.items() if _imported(tree) & _REPORTING}
    assert found == {_SEES_TO_IT, _ELSEWHERE}


def _imports_by_name(tree: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and ast.unparse(node) == "importlib.import_module")
        or (isinstance(node, ast.Name) and node.id == "__import__")
        or (isinstance(node, ast.ImportFrom) and node.module == "importlib")
        for node in ast.walk(tree)
    )


def test_one_file_of_ours_imports_by_name_what_may_be_one_of_them(
    trees: dict[str, ast.AST],
) -> None:
    """TensorRT aside, whose names are all that api.py asks for."""
    found = {name for name, tree in trees.items() if _imports_by_name(tree)}
    assert found == {_SEES_TO_IT, "export/tensorrt/api.py"}


def test_each_is_imported_on_first_use_alone() -> None:
    code = """
import sys
import ocrnet.without_telemetry
assert not {"nncf", "onnxruntime", "openvino"} & sys.modules.keys()
assert "openvino_telemetry" not in sys.modules
from ocrnet.without_telemetry import onnxruntime
assert onnxruntime is sys.modules["onnxruntime"]
assert not {"nncf", "openvino"} & sys.modules.keys()
assert sys.modules["openvino_telemetry"] is None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_has_no_other_names() -> None:
    with pytest.raises(ImportError, match="torch"):
        from ocrnet.without_telemetry import torch  # noqa: F401


def test_one_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nncf", None)
    with pytest.raises(ModuleNotFoundError) as error:
        from ocrnet.without_telemetry import nncf  # noqa: F401
    assert error.value.name == "nncf"


def test_the_tests_report_nothing_either() -> None:
    assert sys.modules["openvino_telemetry"] is None
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_a_program_that_imported_it_first_keeps_its_choice() -> None:
    code = """
import sys, types
sys.modules["openvino_telemetry"] = theirs = types.ModuleType("openvino_telemetry")
from ocrnet.process import switch_off_telemetry
switch_off_telemetry()
assert sys.modules["openvino_telemetry"] is theirs
"""
    subprocess.run([sys.executable, "-c", code], check=True)
