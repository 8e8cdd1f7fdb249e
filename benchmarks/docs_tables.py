"""Write the tables of docs/ anew from the checked-in results, docs/data/*.json.

python benchmarks/docs_tables.py
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.lib import plans_page
from benchmarks.speed import results_page

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(description=__doc__.strip()).parse_args()
    plans_page.write_page(DOCS / "plans.md", _read("plans.json"))
    results_page.write_page(DOCS / "results.md", *results())


def results() -> tuple[dict[str, Any], dict[str, float], dict[str, dict[str, Any]]]:
    """Return what docs/results.md shows: fps on the CPU, measured mIoU by model, fps by GPU."""
    stored = (
        json.loads(file.read_text(encoding="utf-8")) for file in DOCS.glob("data/miou-*.json")
    )
    miou = {one["model"]: one["miou"] for one in stored}
    files = sorted(DOCS.glob("data/fps-*.json"))
    gpus = {
        file.stem.removeprefix("fps-").upper(): _read(file.name)
        for file in files
        if file.name != "fps-cpu.json"
    }
    return _read("fps-cpu.json"), miou, gpus


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCS / "data" / name).read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
