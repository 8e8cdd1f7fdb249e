"""INT8 graphs of a model on its way to artefacts."""

import logging
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from export.artefacts.cpu_graphs import passes_for
from export.artefacts.settings import Int8Settings
from export.artefacts.target_builder import Job
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.evaluation.gates import gate_for
from export.evaluation.report import INT8_SUFFIX, Int8Report
from export.int8.calibration import calibration_size
from export.int8.sensitivity import Model, Quantise, Quantised, quantise_within
from ocrnet.artefacts import Int8Facts, Manifest

if TYPE_CHECKING:
    from ocrnet.without_telemetry import openvino

_log = logging.getLogger(__name__)


def quantise_for_cpu(job: Job) -> "Quantised[openvino.Model]":
    """Quantise for OpenVINO; raises ArtefactError and InputError as `quantise_within`.

    A graph of one size is rewritten before, if that is asked for.
    """
    from export.int8.quantise import to_openvino  # imports nncf, which takes seconds

    source = job.source
    if job.size is None or not passes_for(job):
        return _quantise(job, source.traced_graph(job.kind), to_openvino)
    graph = source.optimised_graph(job.size, "int8")
    calibrated = calibration_size(source.spec, job.size)
    small = graph if calibrated == job.size else source.optimised_graph(calibrated, "int8")
    return _quantise(job, graph, partial(to_openvino, rewritten=small))


def quantise_for_gpu(job: Job) -> Quantised[onnx.ModelProto]:
    """As Q/DQ nodes; cached with the source, since graphs and plans are made of the same."""
    from export.int8.quantise import to_qdq

    source, kind = job.source, job.kind
    return source.cached(kind, "qdq", lambda: _quantise(job, source.traced_graph(kind), to_qdq))


def _quantise(job: Job, graph: onnx.ModelProto, quantise: Quantise[Model]) -> Quantised[Model]:
    source, settings, spec = job.source, job.settings.int8, job.source.spec
    return quantise_within(
        graph,
        spec,
        quantise,
        settings.calibration.pictures(spec, job.size),
        gate_for("int8", trained=source.checkpoint != RANDOM_WEIGHTS),
        measure_all=settings.measure_layer_groups,
    )


def nncf_version() -> dict[str, str]:
    """As manifests state it."""
    return {"nncf": version("nncf")}


def write_report(report: Int8Report, path: Path) -> Int8Facts:
    """Write it beside the artefact; return what the manifest says of it.

    The artefact is as good without the file: why there is none is logged.
    """
    beside = path.with_name(path.name + INT8_SUFFIX)
    try:
        report.write_json(beside)
    except OSError as error:
        _log.warning("The report %s was not written: %s", beside, error)
    loss = report.figures.miou_loss
    return Int8Facts(
        calibration=report.pictures,
        kept_in_float=report.kept_in_float,
        changed_labels=round(report.figures.changed_labels, 5),
        miou_loss=None if loss is None else round(loss, 3),
        groups_measured=report.measured,
    )


def as_calibrated(manifest: Manifest, settings: Int8Settings) -> bool:
    """Whether an INT8 artefact was made with these settings; raises InputError for a bad folder."""
    made = manifest.build.int8
    return (
        made is not None
        and made.calibration == settings.calibration.origin
        and (made.groups_measured or not settings.measure_layer_groups)
    )
