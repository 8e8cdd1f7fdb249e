"""Step: the tests of what only a GPU shows.

python -m benchmarks.acceptance.device_tests export|engines FILE
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lib.json_files import write_json

_ROOT = Path(__file__).parents[2]
EXPORT = "tests/export/test_gpu.py"
# Engines on a GPU in this process, by their names, and what benchmarks run there.
_ENGINES = (
    "tests/ocrnet/engines/**/*cuda*.py",
    "tests/ocrnet/engines/**/*cuda*/test_*.py",
    "tests/ocrnet/engines/**/*gpu*.py",
    "tests/benchmarks/**/test_*_on_gpu.py",
)


def engine_tests() -> list[str]:
    """Return the files of tests on a GPU beside those of the exporter, from the project's root."""
    found = {path for pattern in _ENGINES for path in _ROOT.glob(pattern)}
    return sorted(str(path.relative_to(_ROOT)) for path in found)


class Recorder:
    """A pytest plugin that writes each test's outcome down when it is known."""

    def __init__(self, file: Path):
        self._file = file
        self._results: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for the set-up, the call and the tear-down of each test."""
        if report.when != "call" and report.outcome == "passed":
            return
        result: dict[str, Any] = {
            "file": report.nodeid.partition("::")[0],
            "test": report.nodeid.partition("::")[2],
            "outcome": report.outcome,
            "seconds": round(report.duration, 2),
        }
        if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            result["reason"] = report.longrepr[2].removeprefix("Skipped: ")
        if report.outcome == "failed":
            result["reasons"] = [_last_line(report.longreprtext)]
        self._results.append(result)
        write_json(self._file, {"results": self._results})


def run(file: Path, arguments: list[str]) -> int:
    """Run pytest with these arguments; return its status."""
    # Plugins that happen to be installed are none of these tests' business, and may warn.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-p", "no:cacheprovider", "--rootdir", str(_ROOT), "-c", "pyproject.toml"]
    return int(pytest.main([*options, *arguments], plugins=[Recorder(file)]))


def _last_line(text: str) -> str:
    errors = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return errors[0] if errors else text.strip().splitlines()[-1]


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[2]), [EXPORT] if sys.argv[1] == "export" else engine_tests()))
