"""Build one artefact: write it, compare it with PyTorch, put it in place with its manifest."""

from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import onnx
import onnxruntime
import torch
from onnx.version_converter import convert_version

from export.artefacts.folder import LAYERS_SUFFIX, rewriting
from export.artefacts.int8_graphs import Int8Settings, as_calibrated, for_cpu, for_gpu, write_report
from export.artefacts.source import Source
from export.artefacts.targets import Target
from export.evaluation.parity import DYNAMIC_SIZES, compare
from export.evaluation.runners import open_runner, run_pytorch
from export.graphs.fp16 import to_fp16
from export.graphs.labels_output import add_labels
from export.graphs.onnx_export import export_graph, fixed_size
from export.graphs.ports import declared_ports, ports_of
from export.tensorrt.api import load_tensorrt
from export.tensorrt.inspect import save_summary
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import ShapeRange, shape_range
from ocrnet import __version__
from ocrnet.artefacts import (
    BuildFacts,
    Gpu,
    Kind,
    Manifest,
    PlanFacts,
    Profile,
    graph_folder,
    manifest_weights,
    sha256_of,
)
from ocrnet.artefacts.repository import check_artefact
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size

_MAX_SIZE = Size(2048, 2048)
# Scales of Q/DQ nodes may be float16 from this one on.
_FP16_SCALES_OPSET = 19


@dataclass(frozen=True)
class _Facts:
    """What a manifest says of an artefact beyond the usual."""

    outputs: list[str] = field(default_factory=lambda: ["logits"])
    build: BuildFacts = field(default_factory=BuildFacts)
    profile: Profile | None = None
    gpu: Gpu | None = None


@dataclass(frozen=True)
class BuildSettings:
    """What applies to all artefacts of a run.

    max_batch: of fixed plans; max_size: of dynamic ones, in pixels. gpu: None where plans are not
    built for the one here. optimised: whether fixed float32 graphs are rewritten for CPUs.
    """

    repository: Path
    plan: BuildOptions = field(default_factory=BuildOptions)
    max_batch: int = 8
    max_size: Size = _MAX_SIZE
    gpu: Gpu | None = None
    int8: Int8Settings = field(default_factory=Int8Settings)
    optimised: bool = True


def build_artefact(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> Manifest:
    """Build and put in place, whole or not at all; raises ArtefactError if it is not exact."""
    spec = source.spec
    size = fixed_size(spec, kind)
    folder = graph_folder(settings.repository, spec.name, kind)
    with rewriting(folder, target.file) as partial:
        path = partial / target.file
        facts = _write(source, kind, target, settings, path)
        sizes = (size,) if size else DYNAMIC_SIZES
        parity: dict[str, float] = {}
        if target.format in ("onnx", "openvino"):
            run = open_runner(path, target.format, target.precision)
            parity = compare(run_pytorch(source.network), run, sizes, target.precision)
        files = [path, path.with_suffix(".bin")] if target.format == "openvino" else [path]
        manifest = Manifest(
            model=spec.name,
            kind=kind,
            format=target.format,
            precision=target.precision,
            file=path.name,
            files={file.name: sha256_of(file) for file in files},
            height=size.height if size else None,
            width=size.width if size else None,
            outputs=facts.outputs,
            classes=spec.classes,
            checkpoint=source.checkpoint_name,
            checkpoint_sha256=source.checkpoint_sha256,
            weights=source.origin,
            versions=_versions(target),
            parity=parity,
            profile=facts.profile,
            gpu=facts.gpu,
            build=facts.build,
        )
        manifest.write(partial)
    return manifest


def is_current(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> bool:
    """Whether the artefact is there already, sound, of this checkpoint, versions and settings.

    An ONNX graph that does not declare its shapes, as those of earlier versions, is not: Triton
    refuses it.
    """
    folder = graph_folder(settings.repository, source.spec.name, kind)
    try:
        manifest = check_artefact(folder, target.file, source.spec).manifest
    except ArtefactError:
        return False
    return (
        manifest.checkpoint_sha256 == source.checkpoint_sha256
        and manifest.checkpoint == source.checkpoint_name
        # Where a file was pulled from is known on the machine that pulled it alone.
        and manifest_weights(manifest, source.spec).origin in (source.origin, "published")
        and manifest.versions == _versions(target)
        and target.compute_capability == (manifest.gpu.compute_capability if manifest.gpu else "")
        and (not target.is_plan or _as_asked(manifest, source, kind, settings))
        and manifest.build.passes == _passes(source, kind, target, settings)
        and (target.precision != "int8" or as_calibrated(manifest, settings.int8))
        and (
            target.format != "onnx"
            or _declares_its_shapes(folder / target.file, source, kind, target)
        )
    )


def _declares_its_shapes(path: Path, source: Source, kind: Kind, target: Target) -> bool:
    expected = ports_of(
        source.spec,
        fixed_size(source.spec, kind),
        target.precision,
        labels=target.gives_labels(kind),
    )
    return declared_ports(onnx.load(path, load_external_data=False)) == expected


def _as_asked(manifest: Manifest, source: Source, kind: Kind, settings: BuildSettings) -> bool:
    plan = manifest.build.plan
    return (
        plan is not None
        and (plan.level, plan.workspace) == (settings.plan.level, settings.plan.workspace)
        and manifest.profile == _profile(_shapes(source, kind, settings))
    )


def _shapes(source: Source, kind: Kind, settings: BuildSettings) -> ShapeRange:
    return shape_range(
        source.spec,
        kind,
        fixed_size(source.spec, kind),
        max_batch=settings.max_batch,
        max_size=settings.max_size,
    )


def _profile(shapes: ShapeRange) -> Profile:
    return Profile(list(shapes.min), list(shapes.opt), list(shapes.max))


def _write(
    source: Source, kind: Kind, target: Target, settings: BuildSettings, path: Path
) -> _Facts:
    """Write the artefact's files; return what its manifest says beyond the usual."""
    passes = _passes(source, kind, target, settings)
    if target.format == "onnx" and target.precision == "float32":
        if source.travels(kind):
            export_graph(source.network, path, None, fp16_weights=True)
        else:
            onnx.save(_graph_for_cpu(source, kind, settings), path)
        return _Facts(build=BuildFacts(passes))
    if target.format == "openvino" and target.precision == "float32":
        import openvino  # here: artefacts for GPUs are built without it

        graph = _graph_for_cpu(source, kind, settings)
        model = openvino.Core().read_model(graph.SerializeToString())
        openvino.save_model(model, path, compress_to_fp16=False)
        return _Facts(build=BuildFacts(passes))
    if target.format == "openvino":
        import openvino

        made = for_cpu(source, kind, settings.int8, optimised=settings.optimised)
        openvino.save_model(made.model, path, compress_to_fp16=False)
        return _Facts(build=BuildFacts(passes, int8=write_report(made.report, path)))
    graph = _graph_for_gpu(source, kind, target, settings)
    facts = _Facts(outputs=[output.name for output in graph.graph.output])
    if target.precision == "int8":
        int8 = write_report(for_gpu(source, kind, settings.int8).report, path)
        facts = replace(facts, build=BuildFacts(int8=int8))
    if target.format == "onnx":
        onnx.save(graph, path)
        return facts
    return _write_plan(source, kind, target, settings, graph, path, facts)


def _passes(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> list[str]:
    """What the artefact's graph is, or would be, rewritten with."""
    if target.for_cpus and kind != "dynamic" and settings.optimised:
        return source.passes(target.precision).names()
    return []


def _graph_for_cpu(source: Source, kind: Kind, settings: BuildSettings) -> onnx.ModelProto:
    size = fixed_size(source.spec, kind)
    if size is None or not settings.optimised or not source.passes("float32").names():
        return source.plain_graph(kind)
    return source.optimised_graph(size, "float32")


def _graph_for_gpu(
    source: Source, kind: Kind, target: Target, settings: BuildSettings
) -> onnx.ModelProto:
    graph = onnx.ModelProto()
    if target.precision == "int8":
        graph.CopyFrom(for_gpu(source, kind, settings.int8).model)
        if target.is_plan:
            graph = to_fp16(convert_version(graph, _FP16_SCALES_OPSET))
    else:
        graph.CopyFrom(source.plain_graph(kind))
    if target.precision == "float16":
        graph = to_fp16(graph)
    size = fixed_size(source.spec, kind)
    if size and target.gives_labels(kind):
        add_labels(graph, source.spec, size)
    return graph


def _write_plan(
    source: Source,
    kind: Kind,
    target: Target,
    settings: BuildSettings,
    graph: onnx.ModelProto,
    path: Path,
    facts: _Facts,
) -> _Facts:
    assert target.format in ("tensorrt", "tensorrt_rtx")
    trt = load_tensorrt(target.format)
    shapes = _shapes(source, kind, settings)
    if shapes.fixed:
        graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = shapes.max[0]
    plan = build_plan(trt, graph, shapes, settings.plan)
    path.write_bytes(plan.data)
    parse, build = round(plan.parse_seconds, 2), round(plan.build_seconds, 2)
    options = settings.plan
    made = PlanFacts(options.level, options.workspace, plan.layers, parse, build)
    gpu = settings.gpu if target.format == "tensorrt" else None
    if gpu:
        save_summary(trt, plan.data, path.with_suffix(LAYERS_SUFFIX))
    return replace(facts, build=replace(facts.build, plan=made), profile=_profile(shapes), gpu=gpu)


def _versions(target: Target) -> dict[str, str]:
    versions = {"ocrnet": __version__, "torch": torch.__version__, "onnx": onnx.__version__}
    if target.precision == "int8":
        versions["nncf"] = version("nncf")
    if target.format == "openvino":
        import openvino

        return versions | {"openvino": openvino.__version__}
    if target.format == "onnx":
        return versions | {"onnxruntime": onnxruntime.__version__}
    return versions | {target.format: load_tensorrt(target.format).__version__}
