"""PyTorch as a labeller. Needs torch, so it is imported when it is asked for.

The whole picture as it is goes through nothing but the network, `interpolate` and `argmax`, as in
mmsegmentation's `inference` and `postprocess_result`: nothing that is served takes part. Windows,
scales, mirror images and the published resize take the served code (`ocrnet.inference.segmenter`)
around the PyTorch network, so there the network alone is independent.
"""

from typing import Any

import torch
from torch.nn.functional import interpolate

from benchmarks.accuracy.labellers import CoreLabeller, Labeller
from benchmarks.speed.network_graph import NetworkGraph
from export.graphs.source import Source
from export.network import OCRNet
from ocrnet.engines.in_process import InProcessEngine
from ocrnet.images import RgbImage
from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.options import SegmentOptions
from ocrnet.zoo import ModelSpec


class WholeLabeller:
    """The whole picture at once, by PyTorch alone."""

    def __init__(self, spec: ModelSpec, network: OCRNet, facts: dict[str, Any]):
        self.facts = facts
        self._network = network
        self._corners = spec.align_corners

    def label(self, image: RgbImage) -> LabelMap:
        """As Labeller."""
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(image)[None])
            full = interpolate(
                logits, image.shape[:2], mode="bilinear", align_corners=self._corners
            )
            labels: LabelMap = full.argmax(1)[0].to(torch.uint8).numpy()
        return labels

    def close(self) -> None:
        """As Labeller: there is nothing to let go of."""


def torch_labeller(spec: ModelSpec, checkpoint: str, options: SegmentOptions) -> Labeller:
    """PyTorch with the weights of a file, or "stand-in"; raises CheckpointError."""
    source = Source(spec, checkpoint)
    network = source.network
    facts = {
        "torch": torch.__version__,
        "checkpoint": source.checkpoint_name,
        "checkpoint_sha256": source.checkpoint_sha256,
    }
    if options == SegmentOptions("whole"):
        return WholeLabeller(spec, network, facts)
    return CoreLabeller(spec, InProcessEngine(spec, {None: NetworkGraph(network)}), options, facts)
