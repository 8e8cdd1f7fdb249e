"""Target `onnx`: float32, for the gateway's own engine."""

from pathlib import Path

import onnx

from export.artefacts.cpu_graphs import graph_for_cpus, passes_for
from export.artefacts.declared_shapes import declares_its_shapes
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from export.graphs.float16_storage import norm_factors, store_as_float16
from export.graphs.onnx_export import export_graph
from ocrnet.artefacts import BuildFacts, Manifest
from ocrnet.without_telemetry import onnxruntime


class OnnxFloat32:
    """Rewritten for CPUs where the size is fixed; what git holds has float16 weights."""

    def versions(self, target: Target) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__}

    def write(self, job: Job, path: Path) -> Written:
        source, half = job.source, job.source.travels(job.kind)
        if half and job.size is None:
            graph = export_graph(source.network, None, fp16_weights=True)
        elif half:
            graph = onnx.ModelProto()
            graph.CopyFrom(graph_for_cpus(job))  # which is shared
            store_as_float16(graph, norm_factors(source.network))
        else:
            graph = graph_for_cpus(job)
        onnx.save(graph, path)
        return Written([path], build=BuildFacts(passes_for(job), float16_weights=half))

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        return (
            manifest.build.passes == passes_for(job)
            and manifest.build.float16_weights == job.source.travels(job.kind)
            and declares_its_shapes(path, job)
        )
