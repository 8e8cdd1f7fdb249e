"""Who labels a picture: the core on a graph, a running gateway, or PyTorch (torch_labellers.py)."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from ocrnet.artefacts import ServedPrecision, find_graphs
from ocrnet.commands.segment_runners import RemoteRunner
from ocrnet.engines import Engine, EngineOptions, Runtime, open_engine
from ocrnet.formats.masks import rgb_png
from ocrnet.images import RgbImage
from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import plan_request
from ocrnet.inference.segmenter import segment
from ocrnet.timings import Timings
from ocrnet.without_telemetry import import_module
from ocrnet.zoo import ModelSpec, Size

_TIMEOUT = 3600.0  # seconds that a gateway may take for a picture


class Labeller(Protocol):
    """Labels pictures, one at a time.

    facts: what does it, as far as it is known here, of types that JSON has.
    """

    facts: dict[str, Any]

    def label(self, image: RgbImage) -> LabelMap:
        """uint8 (height, width, 3), RGB → class indices, uint8 (height, width).

        Raises OcrnetError.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class CoreLabeller:
    """`ocrnet.inference.segmenter.segment` over any engine: all that serves a picture but HTTP."""

    def __init__(
        self, spec: ModelSpec, engine: Engine, options: SegmentOptions, facts: dict[str, Any]
    ):
        self.facts = facts
        self._spec = spec
        self._engine = engine
        self._options = options
        self._runner = asyncio.Runner()

    def label(self, image: RgbImage) -> LabelMap:
        """As Labeller."""
        plan = plan_request(Size(*image.shape[:2]), self._spec, self._options)
        found = segment(image, self._spec, self._engine, plan, Timings(), blend=self._options.blend)
        return self._runner.run(found).labels

    def close(self) -> None:
        """As Labeller."""
        self._runner.run(self._engine.close())
        self._runner.close()


class GatewayLabeller:
    """A running gateway: PNG in, palette PNG out. It is asked again while it has no place."""

    def __init__(self, spec: ModelSpec, url: str, options: SegmentOptions):
        """Raises OcrnetError for what is no URL of a gateway; nobody is asked yet."""
        self.facts = {"url": url}
        query = {
            "model": spec.name,
            "mode": options.mode,
            "resize": options.resize,
            "scales": ",".join(map(str, options.scales)),
            "flip": str(int(options.flip)),
        }
        self._remote = RemoteRunner(url, query, "image/png", _TIMEOUT)
        self._runner = asyncio.Runner()

    def label(self, image: RgbImage) -> LabelMap:
        """As Labeller; raises OcrnetError with the gateway's own words, or that nobody answers."""
        answer = self._runner.run(self._remote.run(rgb_png(image)))
        labels: LabelMap = np.asarray(Image.open(BytesIO(answer)))
        return labels

    def close(self) -> None:
        """As Labeller."""
        self._runner.run(self._remote.close())
        self._runner.close()


def engine_labeller(
    spec: ModelSpec,
    repository: Path,
    runtime: Runtime,
    precision: ServedPrecision,
    options: SegmentOptions,
) -> CoreLabeller:
    """The core on the repository's graphs; raises ArtefactError."""
    graphs = find_graphs(repository, spec, precision)
    engine = open_engine(spec, graphs, EngineOptions(runtime=runtime))
    facts = {
        "runtime": runtime,
        "precision": precision,
        runtime: import_module(runtime).__version__,
        "graphs_sha256": {g.manifest.kind: g.manifest.files[g.manifest.file] for g in graphs},
    }
    return CoreLabeller(spec, engine, options, facts)
