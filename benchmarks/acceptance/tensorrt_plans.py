"""Step: a TensorRT plan of the demo, built and verified by the target's own commands.

python -m benchmarks.acceptance.tensorrt_plans KIND FOLDER FILE
"""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.lib.json_files import write_json
from export.artefacts.targets import Target
from export.tensorrt.api import find_gpu
from ocrnet.artefacts import MANIFEST_SUFFIX, Kind, graph_folder, read_manifest
from ocrnet.cli import main as ocrnet

Facts = dict[str, Any]
_MODEL = "demo"
_SCENES = 5


def build_and_verify(kind: Kind, folder: Path, file: Path) -> int:
    """Write what the build and the verification say; return the status of the one that failed."""
    what = ["--kinds", kind, "--repository", str(folder)]
    status = ocrnet(
        ["export", "build", _MODEL, "--to", "tensorrt", "--precision", "float16", *what]
    )
    if status:
        return status
    rows = [_built(kind, folder)]
    write_json(file, {"results": rows})
    report = file.with_suffix(".verify.json")
    verify = ["export", "verify", _MODEL, "--formats", "tensorrt", "--scenes", str(_SCENES)]
    status = ocrnet([*verify, "--json", str(report), *what])
    if not report.exists():  # it says why
        return status
    rows += verified_rows(json.loads(report.read_text(encoding="utf-8")))
    write_json(file, {"results": rows})
    return status


def _built(kind: Kind, folder: Path) -> Facts:
    target = Target("tensorrt", "float16", find_gpu().compute_capability)
    path = graph_folder(folder, _MODEL, kind) / target.file
    manifest = read_manifest(path.with_name(path.name + MANIFEST_SUFFIX))
    size = round(path.stat().st_size / 2**20, 1)
    profile = manifest.profile.to_json() if manifest.profile else {}
    return {
        "network": _MODEL, "kind": kind, "what": "build", "engine": "tensorrt",
        "precision": "float16", "plan_mib": size, "profile": profile,
    } | manifest.build.to_json()  # fmt: skip


def verified_rows(report: Facts) -> list[Facts]:
    """Return the artefacts of a report of `ocrnet export verify` as rows."""
    rows = []
    for kind in report["kinds"]:
        for artefact in kind["artefacts"]:
            figures = artefact["figures"] or {}
            rows.append(
                {
                    "network": report["model"], "kind": kind["kind"], "what": "verify",
                    "engine": artefact["format"], "precision": artefact["precision"],
                    "size": kind["size"], "batch": 1,
                    "against": "PyTorch in float32 on the CPU",
                    "logit_error": figures.get("logit_error"),
                    "changed_labels": figures.get("changed_labels"),
                    "miou_loss": figures.get("miou_loss"),
                    "verdict": artefact["verdict"], "reasons": artefact["reasons"],
                }
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    given: Kind = "whole" if sys.argv[1] == "whole" else "window"
    sys.exit(build_and_verify(given, Path(sys.argv[2]), Path(sys.argv[3])))
