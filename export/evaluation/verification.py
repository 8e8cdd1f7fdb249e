"""Verify a model: every artefact of it that the repository holds."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate, gate_for, shortcomings
from export.evaluation.labelled_images import LabelledImages
from export.evaluation.measure import compare_all, figures_of, open_contestants, reference_of
from export.evaluation.miou_notes import why_not_judged
from export.evaluation.report import KindReport, Verdict, VerificationReport, Verified
from export.evaluation.worst_views import View
from export.graphs.onnx_export import fixed_size
from export.graphs.source import Source
from ocrnet import __version__
from ocrnet.artefacts import MANIFEST_SUFFIX, Artefact, Kind, graph_folder
from ocrnet.artefacts.repository import check_artefact
from ocrnet.datasets import Example
from ocrnet.errors import ArtefactError
from ocrnet.machine import processor
from ocrnet.without_telemetry import onnxruntime

# Shows how far a run over the examples is; the text says of which graphs.
Progress = Callable[[Iterable[Example], str, int], Iterable[Example]]


@dataclass(frozen=True)
class Asked:
    """What is to be verified, and how strictly; None: the project's own gate.

    formats: empty for all; a format that is named must be run, or it fails. miou_loss: likewise, a
    bound that is named must be judged.
    """

    repository: Path
    kinds: list[Kind]
    formats: list[str]
    changed_labels: float | None = None
    miou_loss: float | None = None


def verify(
    source: Source, asked: Asked, pictures: LabelledImages, progress: Progress
) -> tuple[VerificationReport, dict[str, list[View]]]:
    """Compare the model's artefacts with PyTorch; the views are by artefact, as KIND/FILE.

    Raises ArtefactError if there is nothing to verify.
    """
    kinds, views = [], {}
    for kind in asked.kinds:
        found, broken = _find(source, asked, kind)
        if not found and not broken:
            continue
        report, of_kind = _verify_kind(source, asked, kind, found, broken, pictures, progress)
        kinds.append(report)
        views.update(of_kind)
    if not kinds:
        raise ArtefactError(
            f"{asked.repository} holds no such artefact of {source.spec.name}: build some with "
            f"'ocrnet export build {source.spec.name} --to …'"
        )
    return VerificationReport(
        model=source.spec.name,
        checkpoint=source.checkpoint_name,
        checkpoint_sha256=source.checkpoint_sha256,
        pictures=str(pictures),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=f"{processor()}, {torch.get_num_threads()} threads",
        versions={
            "ocrnet": __version__,
            "torch": torch.__version__,
            "onnxruntime": onnxruntime.__version__,
        }
        | _openvino_version(),
        kinds=kinds,
    ), views


def _openvino_version() -> dict[str, str]:
    """Empty where it is not installed: artefacts for GPUs are verified without it."""
    try:
        return {"openvino": version("openvino")}
    except PackageNotFoundError:
        return {}


def _find(source: Source, asked: Asked, kind: Kind) -> tuple[list[Artefact], list[Verified]]:
    """The artefacts that can be trusted, and those that cannot as what fails."""
    folder = graph_folder(asked.repository, source.spec.name, kind)
    found, broken = [], []
    for manifest in sorted(folder.glob(f"*{MANIFEST_SUFFIX}")):
        file = manifest.name.removesuffix(MANIFEST_SUFFIX)
        try:
            artefact = check_artefact(folder, file, source.spec)
            if artefact.manifest.checkpoint_sha256 != source.checkpoint_sha256:
                raise ArtefactError(
                    f"it was built from {artefact.manifest.checkpoint}, which is not the "
                    f"checkpoint that it is compared with, {source.checkpoint_name}: build it "
                    "again, or name its own with --checkpoint"
                )
        except ArtefactError as error:
            broken.append(Verified(file, "", "", None, None, "fail", [str(error)]))
            continue
        if not asked.formats or artefact.manifest.format in asked.formats:
            found.append(artefact)
    return found, broken


def _verify_kind(
    source: Source,
    asked: Asked,
    kind: Kind,
    found: list[Artefact],
    broken: list[Verified],
    pictures: LabelledImages,
    progress: Progress,
) -> tuple[KindReport, dict[str, list[View]]]:
    spec, size = source.spec, fixed_size(source.spec, kind)
    labelled = pictures.labelled
    with ExitStack() as stack:
        ready, not_run = open_contestants(found, spec, stack, labelled=labelled)
        examples = pictures.of_size(size) if ready else iter(())
        watched = progress(examples, f"{kind}, PyTorch and {len(ready)}", len(pictures))
        tally = compare_all(source.network, spec, ready, watched, labelled=labelled)
    reference = reference_of(tally, spec)
    verified = [*broken]
    for artefact, reason in not_run:
        asked_for = artefact.manifest.format in asked.formats
        verdict: Verdict = "fail" if asked_for else "not run"
        verified.append(_entry(artefact, None, None, verdict, [reason]))
    for contestant in ready:
        figures = figures_of(contestant, tally, spec)
        gate = gate_for(
            contestant.artefact.manifest.precision,
            trained=bool(source.checkpoint_sha256),
            changed_labels=asked.changed_labels,
            miou_loss=asked.miou_loss,
        )
        missed = shortcomings(gate, figures)
        if asked.miou_loss is not None and figures.miou_loss is None:
            missed.append(
                f"a loss of mIoU cannot be judged, allowed {asked.miou_loss:.3f} points: "
                f"{why_not_judged(reference)}"
            )
        verdict = "fail" if missed else "pass"
        verified.append(_entry(contestant.artefact, gate, figures, verdict, missed))
    report = KindReport(
        kind,
        str(size) if size else None,
        reference if ready else None,
        sorted(verified, key=lambda entry: entry.file),
    )
    return report, {f"{kind}/{one.artefact.manifest.file}": one.views.views for one in ready}


def _entry(
    artefact: Artefact,
    gate: Gate | None,
    figures: Figures | None,
    verdict: Verdict,
    reasons: list[str],
) -> Verified:
    manifest = artefact.manifest
    return Verified(
        manifest.file, manifest.format, manifest.precision, gate, figures, verdict, reasons
    )
