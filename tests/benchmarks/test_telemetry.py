"""No benchmark imports OpenVINO before ocrnet has kept it from reporting its use."""

import ast
from pathlib import Path


def test_openvino_is_imported_inside_functions_alone(root: Path) -> None:
    files = sorted((root / "benchmarks").rglob("*.py"))
    assert len(files) > 30
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] in ("openvino", "nncf") for name in names), file
