"""INT8 graphs of a model on its way to artefacts."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from export.artefacts.source import Source
from export.checkpoints.loading import RANDOM_WEIGHTS
from export.evaluation.gates import gate_for
from export.evaluation.int8_judge import Gate
from export.evaluation.int8_report import INT8_SUFFIX, Report
from export.graphs.onnx_export import fixed_size
from export.int8.calibration import Calibration, calibration_size
from export.int8.sensitivity import Model, Quantise, Quantised, quantise_within
from ocrnet.artefacts import Int8Facts, Kind, Manifest

if TYPE_CHECKING:
    import openvino


@dataclass(frozen=True)
class Int8Settings:
    """measure_layer_groups: measure what each group costs, even where none has to fall back."""

    calibration: Calibration = field(default_factory=Calibration)
    measure_layer_groups: bool = False


def for_cpu(
    source: Source, kind: Kind, settings: Int8Settings, *, optimised: bool
) -> "Quantised[openvino.Model]":
    """Quantise for OpenVINO; raises ArtefactError and InputError as `quantise_within`.

    optimised: whether a fixed graph is rewritten before.
    """
    from export.int8.quantise import to_openvino  # imports nncf, which takes seconds

    size = fixed_size(source.spec, kind)
    if size is None or not optimised or not source.passes("int8").names():
        return _quantise(source, kind, settings, source.plain_graph(kind), to_openvino)
    graph = source.optimised_graph(size, "int8")
    calibrated = calibration_size(source.spec, size)
    small = graph if calibrated == size else source.optimised_graph(calibrated, "int8")
    return _quantise(source, kind, settings, graph, partial(to_openvino, rewritten=small))


def for_gpu(source: Source, kind: Kind, settings: Int8Settings) -> Quantised[onnx.ModelProto]:
    """As Q/DQ nodes; kept with the source, since graphs and plans are made of the same."""
    from export.int8.quantise import to_qdq

    return source.keep(
        kind, "qdq", lambda: _quantise(source, kind, settings, source.plain_graph(kind), to_qdq)
    )


def _quantise(
    source: Source,
    kind: Kind,
    settings: Int8Settings,
    graph: onnx.ModelProto,
    quantise: Quantise[Model],
) -> Quantised[Model]:
    spec = source.spec
    gate = gate_for(
        "int8", trained=source.checkpoint != RANDOM_WEIGHTS, changed_labels=None, miou_loss=None
    )
    return quantise_within(
        graph,
        spec,
        quantise,
        settings.calibration.pictures(spec, fixed_size(spec, kind)),
        Gate(gate.changed_labels, gate.miou_loss),
        measure_all=settings.measure_layer_groups,
    )


def write_report(report: Report, path: Path) -> Int8Facts:
    """Write it beside the artefact; return what the manifest says of it."""
    report.write(path.with_name(path.name + INT8_SUFFIX))
    loss = report.figures.miou_loss
    return Int8Facts(
        calibration=report.pictures,
        kept_in_float=report.floating,
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
