"""Nothing of ours reports to anyone: OpenVINO would as soon as it is imported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "module",
    ["ocrnet.engines.openvino", "server.models", "export.int8.quantise", "export.runners"],
)
def test_no_identifier_is_made_and_nothing_can_be_sent(module: str, tmp_path: Path) -> None:
    code = f"""
import os
import sys
import {module}
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
import openvino  # the whole of it: its `tools` are what reports
assert sys.modules["openvino_telemetry"] is None
assert not any(name.startswith("openvino_telemetry.") for name in sys.modules)
assert openvino.tools.ovc.telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"
"""
    # It keeps still under CI=true of itself.
    quiet = ("CI", "TF_BUILD", "JENKINS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert not (tmp_path / "intel").exists()


def test_scripts_import_openvino_only_after_us(root: Path) -> None:
    """Run as files, they have no package whose import could come first."""
    scripts = list((root / "benchmarks").rglob("*.py"))
    assert scripts
    for script in scripts:
        assert not re.search(r"^(import|from) (openvino|nncf)", script.read_text(), re.MULTILINE)


def test_a_program_that_imported_it_first_keeps_its_choice() -> None:
    code = """
import sys, types
sys.modules["openvino_telemetry"] = theirs = types.ModuleType("openvino_telemetry")
import ocrnet
assert sys.modules["openvino_telemetry"] is theirs
"""
    subprocess.run([sys.executable, "-c", code], check=True)
