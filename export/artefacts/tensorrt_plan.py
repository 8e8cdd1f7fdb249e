"""Targets `tensorrt` and `tensorrt-rtx`: plans, for some shapes and built with some effort."""

from collections.abc import Callable
from pathlib import Path

import onnx

from export.artefacts.folder import LAYERS_SUFFIX
from export.artefacts.gpu_graphs import (
    float16_graph,
    float32_graph,
    int8_graph_of_plans,
    output_names,
)
from export.artefacts.int8_graphs import as_calibrated, nncf_version, quantise_for_gpu, write_report
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from export.graphs.ports import declared_ports
from export.tensorrt.api import Flavour, load_tensorrt
from export.tensorrt.inspect import save_summary
from export.tensorrt.plan_builder import BuildOptions, build_plan
from export.tensorrt.profiles import ShapeRange, shape_range
from ocrnet.artefacts import BuildFacts, Manifest, PlanFacts, PlanGpu, Precision, Profile

_GRAPHS: dict[Precision, Callable[[Job], onnx.ModelProto]] = {
    "float32": float32_graph,
    "float16": float16_graph,
    "int8": int8_graph_of_plans,
}


class TensorRTPlan:
    """A plan of any precision, for the GPU of this machine or, by TensorRT-RTX, for all of them."""

    def __init__(self, flavour: Flavour):
        self._flavour = flavour

    def versions(self, target: Target) -> dict[str, str]:
        nncf = nncf_version() if target.precision == "int8" else {}
        return nncf | {self._flavour: load_tensorrt(self._flavour).__version__}

    def write(self, job: Job, path: Path) -> Written:
        trt = load_tensorrt(self._flavour)
        graph, shapes, options = _GRAPHS[job.target.precision](job), _shapes(job), job.settings.plan
        ports = declared_ports(graph)  # N free: the profile says which batches the plan takes
        if shapes.fixed:
            graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = shapes.max[0]
        plan = build_plan(trt, graph, shapes, options)
        path.write_bytes(plan.data)
        gpu = job.settings.gpu if self._flavour == "tensorrt" else None
        if gpu:
            save_summary(trt, plan.data, path.with_suffix(LAYERS_SUFFIX))
        int8 = job.target.precision == "int8"
        build = BuildFacts(
            int8=write_report(quantise_for_gpu(job).report, path) if int8 else None,
            plan=PlanFacts(
                level=options.level,
                workspace=options.workspace,
                tiling=options.tiling,
                l2_limit=options.l2_limit,
                aux_streams=options.aux_streams,
                profiles=len(shapes.profiles),
                layers=plan.layers,
                parse_seconds=round(plan.parse_seconds, 2),
                build_seconds=round(plan.build_seconds, 2),
                tf32=options.tf32,
            ),
            ports=ports,
        )
        built_on = PlanGpu(gpu.name, gpu.compute_capability, gpu.driver) if gpu else None
        return Written([path], output_names(graph), build, _profile(shapes), built_on)

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        plan, target = manifest.build.plan, job.target
        built_for = manifest.gpu.compute_capability if manifest.gpu else ""
        return (
            plan is not None
            and built_for == target.compute_capability
            and _as_asked(plan, job.settings.plan)
            and (plan.tf32 == job.settings.plan.tf32 or target.precision != "float32")
            and plan.profiles == len(_shapes(job).profiles)
            and manifest.profile == _profile(_shapes(job))
            and (target.precision != "int8" or as_calibrated(manifest, job.settings.int8))
        )


def _as_asked(plan: PlanFacts, options: BuildOptions) -> bool:
    names = ("level", "workspace", "tiling", "l2_limit", "aux_streams")
    return all(getattr(plan, name) == getattr(options, name) for name in names)


def _shapes(job: Job) -> ShapeRange:
    settings = job.settings
    return shape_range(
        job.source.spec,
        job.size,
        max_batch=settings.max_batch,
        max_size=settings.max_size,
    )


def _profile(shapes: ShapeRange) -> Profile:
    return Profile(list(shapes.min), list(shapes.opt), list(shapes.max))
