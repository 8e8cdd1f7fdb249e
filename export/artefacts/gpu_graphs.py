"""Graphs for GPUs, one function for each precision; those of whole images give labels too."""

import onnx
from onnx.version_converter import convert_version

from export.artefacts.int8_graphs import quantise_for_gpu
from export.artefacts.target_builder import Job
from export.graphs.exact_labels import make_labels_exact
from export.graphs.fp16 import to_fp16
from export.graphs.labels_output import MOST_CLASSES_BY_MAXIMUM, add_labels

# Scales of Q/DQ nodes may be float16 from this one on.
_FP16_SCALES_OPSET = 19


def float32_graph(job: Job) -> onnx.ModelProto:
    """The network as it is."""
    return _with_labels(_copy(job.source.plain_graph(job.kind)), job)


def float16_graph(job: Job) -> onnx.ModelProto:
    """Float16 with islands of float32; raises ArtefactError as `to_fp16`."""
    return _with_labels(to_fp16(job.source.plain_graph(job.kind)), job)


def int8_graph(job: Job) -> onnx.ModelProto:
    """Q/DQ nodes, float32 between them; raises ArtefactError if the gate does not hold."""
    return _with_labels(_copy(quantise_for_gpu(job).model), job)


def int8_graph_of_plans(job: Job) -> onnx.ModelProto:
    """As `int8_graph`, but float16 between the nodes: plans are strongly typed."""
    graph = convert_version(quantise_for_gpu(job).model, _FP16_SCALES_OPSET)
    return _with_labels(to_fp16(graph), job)


def output_names(graph: onnx.ModelProto) -> list[str]:
    """In the graph's order."""
    return [output.name for output in graph.graph.output]


def _copy(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The original is shared with other jobs."""
    result = onnx.ModelProto()
    result.CopyFrom(graph)
    return result


def _with_labels(graph: onnx.ModelProto, job: Job) -> onnx.ModelProto:
    spec = job.source.spec
    if job.size and job.target.gives_labels(job.kind):
        by_maximum = spec.classes <= MOST_CLASSES_BY_MAXIMUM
        add_labels(graph, spec, job.size, running_maximum=by_maximum)
        make_labels_exact(graph)
    return graph
