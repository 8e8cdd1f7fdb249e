"""Write the tables of docs/ anew from the checked-in results, docs/data/*.json.

python benchmarks/docs_tables.py
"""

import argparse
from pathlib import Path

from benchmarks.lib import fixed_graphs_page, peers_page, plans_page
from benchmarks.lib.json_files import read_json
from benchmarks.lib.peers_table import Peers
from benchmarks.speed import results_page
from benchmarks.speed.fps_results import FpsRun

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(description=__doc__.strip()).parse_args()
    plans_page.write_page(DOCS / "plans.md", read_json(DOCS / "data" / "plans.json"))
    fixed_graphs_page.write_page(
        DOCS / "fixed-graphs.md", read_json(DOCS / "data" / "fixed-graphs.json")
    )
    results_page.write_page(DOCS / "results.md", *results())
    peers_page.write_page(DOCS / "results.md", peers())


def results() -> tuple[FpsRun, dict[str, float], dict[str, FpsRun]]:
    """Return what docs/results.md shows: fps on the CPU, measured mIoU by model, fps by GPU."""
    stored = [read_json(file) for file in DOCS.glob("data/miou-*.json")]
    miou = {one["model"]: one["miou"] for one in stored}
    runs = {
        file.stem.removeprefix("fps-"): FpsRun.from_json(read_json(file))
        for file in sorted(DOCS.glob("data/fps-*.json"))
    }
    cpu = runs.pop("cpu")
    return cpu, miou, {name.upper(): run for name, run in runs.items()}


def peers() -> list[Peers]:
    """Return the runs of the four backbones beside their peers, one for each kind of machine."""
    files = sorted(DOCS.glob("data/peers-backbones-*.json"))
    return [Peers.from_json(read_json(file)) for file in files]


if __name__ == "__main__":
    main()
