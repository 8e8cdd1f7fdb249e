"""Every architecture's graphs parsed and built by TensorRT-RTX, ahead of time, without a GPU.

    python benchmarks/plans.py
    python benchmarks/plans.py --architectures hr18s_voc12 --json mine.json --page mine.md

One model of each architecture stands for those that share it, with stand-in weights: layers and
sizes do not depend on their values. Each plan is built as `ocrnet export build` does, put down in
the JSON file and deleted, so an interrupted run goes on where it stopped; what failed is tried
again. At the end the table is written into the page, between its two markers.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from benchmarks.lib import provenance
from benchmarks.lib.architectures import architectures
from benchmarks.lib.arguments import make_parser
from benchmarks.lib.machine import processor
from benchmarks.lib.pages import around_table
from benchmarks.lib.plans_page import COMMAND, write_page
from benchmarks.lib.resume import Facts, run_missing
from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target, kinds_of
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.graphs.source import Source
from export.tensorrt.api import load_tensorrt
from ocrnet.artefacts import Kind, Precision, graph_folder
from ocrnet.errors import ArtefactError
from ocrnet.zoo import load_zoo

_DOCS = Path(__file__).parents[1] / "docs"
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")


@dataclass(frozen=True)
class Case:
    """One plan to build: of this architecture, by the model that stands for it."""

    architecture: str
    model: str
    kind: Kind
    precision: Precision

    def __str__(self) -> str:
        return f"{self.architecture} {self.kind} {self.precision}"


def cases(names: list[str]) -> list[Case]:
    """Return the plans to build for these architectures: each kind of graph in each precision."""
    return [
        Case(name, specs[0].name, kind, precision)
        for name, specs in architectures().items()
        if name in names
        for kind in kinds_of(specs[0])
        for precision in PRECISIONS
    ]


def build_one(source: Source, case: Case, settings: BuildSettings) -> Facts:
    """Build the plan; return layers, seconds and MiB, or `error` with what TensorRT-RTX said."""
    target = Target("tensorrt_rtx", case.precision)
    try:
        manifest = build_artefact(source, case.kind, target, settings)
    except ArtefactError as error:
        return {"error": str(error)}
    folder = graph_folder(settings.repository, source.spec.name, case.kind)
    size = (folder / target.file).stat().st_size
    facts = manifest.build.to_json()
    kept = ("layers", "parse_seconds", "build_seconds")
    return {name: facts[name] for name in kept} | {"plan_mib": round(size / 2**20, 1)}


def run(path: Path, header: Facts, todo: list[Case], build: Callable[[Case], Facts]) -> list[Facts]:
    """Build what `path` does not hold yet, as run_missing; return all results."""
    return run_missing(path, header, todo, build, _say)


def _say(result: Facts) -> str:
    return (
        f"{result['layers']} layers, parsed in {result['parse_seconds']} s, "
        f"built in {result['build_seconds']} s, {result['plan_mib']} MiB"
    )


def describe(settings: BuildSettings, note: str) -> Facts:
    """Return what the results depend on: machine, versions, settings, date, and the note."""
    return {
        "date": provenance.today(),
        "note": note,
        "machine": {
            "cpu": processor(),
            "cores": os.cpu_count(),
            "gpu": bool(shutil.which("nvidia-smi")),
        },
        "versions": {
            "tensorrt_rtx": load_tensorrt("tensorrt_rtx").__version__,
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "python": platform.python_version(),
        },
        "models": {name: [spec.name for spec in specs] for name, specs in architectures().items()},
        "settings": {
            "max_batch": settings.max_batch,
            "max_size": str(settings.max_size),
            "level": settings.plan.level,
        },
    }


def main() -> int:
    """Command line; 1 if a plan was not built."""
    parser = make_parser("plans.py", __doc__)
    known = list(architectures())
    add = parser.add_argument
    add("--architectures", nargs="+", choices=known, default=known, help="default: all of them")
    add("--json", type=Path, default=_DOCS / "data" / "plans.json", metavar="FILE")
    add("--page", type=Path, default=_DOCS / "plans.md", metavar="FILE", help="with both markers")
    add("--repository", type=Path, metavar="FOLDER", help="keep the plans there (4 GB)")
    add("--note", default="", help="what else the machine was doing; stands on the page")
    arguments = parser.parse_args()
    around_table(arguments.page, COMMAND)  # a mistake is not to be found after an hour
    with tempfile.TemporaryDirectory() as temporary:
        settings = BuildSettings(arguments.repository or Path(temporary))
        source: Source | None = None

        def build(case: Case) -> Facts:
            nonlocal source
            if source is None or source.spec.name != case.model:  # one network at a time
                source = Source(load_zoo()[case.model], RANDOM_WEIGHTS)
            facts = build_one(source, case, settings)
            if arguments.repository is None:
                shutil.rmtree(Path(temporary) / f"{case.model}_{case.kind}", ignore_errors=True)
            return facts

        header = describe(settings, arguments.note)
        results = run(arguments.json, header, cases(arguments.architectures), build)
    write_page(arguments.page, json.loads(arguments.json.read_text(encoding="utf-8")))
    return 1 if any("error" in result for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
