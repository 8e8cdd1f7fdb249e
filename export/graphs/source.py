"""A model on its way to artefacts: its network and plain graphs, made when first asked for."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import onnx

from export.checkpoints.cache import is_published
from export.checkpoints.loading import RANDOM_WEIGHTS, load_model
from export.graphs.onnx_export import export_graph, fixed_size, trace_graph
from export.network import OCRNet
from export.optimise.optimised_network import OptimisedNetwork
from export.optimise.passes import Passes, passes_that_pay
from ocrnet.artefacts import Kind, Origin, Precision, sha256_of, weights_of
from ocrnet.zoo import ModelSpec, Size

SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"
DEMO_WEIGHTS = SHIPPED_WEIGHTS / "demo.safetensors"

_Made = TypeVar("_Made")


class Source:
    """One model and its checkpoint; several artefacts are built from it."""

    def __init__(self, spec: ModelSpec, checkpoint: str):
        """checkpoint: a file, or "stand-in"."""
        self.spec = spec
        self.checkpoint = checkpoint
        self._cached_kind: Kind | None = None
        self._cache: dict[str, Any] = {}

    @cached_property
    def network(self) -> OCRNet:
        """Loaded from the checkpoint; raises CheckpointError."""
        return load_model(self.spec, self.checkpoint)

    @cached_property
    def checkpoint_sha256(self) -> str:
        """Empty for random weights."""
        return "" if self.checkpoint == RANDOM_WEIGHTS else sha256_of(Path(self.checkpoint))

    @property
    def checkpoint_name(self) -> str:
        """As manifests name it."""
        return RANDOM_WEIGHTS if self.checkpoint == RANDOM_WEIGHTS else Path(self.checkpoint).name

    @cached_property
    def origin(self) -> Origin:
        """What the checkpoint is, as far as it is known here and now."""
        published = is_published(self.spec, self.checkpoint_sha256)
        recorded = "published" if published else ""
        name, sha256 = self.checkpoint_name, self.checkpoint_sha256
        return weights_of(self.spec, name, sha256, recorded).origin

    def plain_graph(self, kind: Kind) -> onnx.ModelProto:
        """Return the float32 graph of that kind, batch norms folded: what others are made from."""
        size = fixed_size(self.spec, kind)
        return self.cached(kind, "plain", lambda: export_graph(self.network, size))

    def traced_graph(self, kind: Kind) -> onnx.ModelProto:
        """As `plain_graph`, but all sizes are computed: INT8 is calibrated on smaller images."""
        size = fixed_size(self.spec, kind)
        return self.cached(kind, "traced", lambda: trace_graph(self.network, size))

    def passes(self, precision: Precision) -> Passes:
        """What fixed graphs for CPUs are rewritten with."""
        return passes_that_pay(self.spec.backbone, int8=precision == "int8")

    def optimised_graph(self, size: Size, precision: Precision) -> onnx.ModelProto:
        """Return the float32 graph of one size rewritten for CPUs, as that precision needs it.

        For INT8 all sizes are computed: export/int8/transplant.py needs the same nodes whatever the
        size, and OpenVINO makes them constants.
        """
        network = OptimisedNetwork(self.network, size, self.passes(precision)).eval()
        return trace_graph(network, size) if precision == "int8" else export_graph(network, size)

    def cached(self, kind: Kind, name: str, make: Callable[[], _Made]) -> _Made:
        """Return the cached result for `name`; build it with `make` on first use.

        The cache is cleared when the graph kind changes: graphs of HRNet-W48 are 280 MB each.
        """
        if kind != self._cached_kind:
            self._cache.clear()
            self._cached_kind = kind
        if name not in self._cache:
            self._cache[name] = make()
        made: _Made = self._cache[name]
        return made

    def travels(self, kind: Kind) -> bool:
        """Whether this is a float32 graph that git holds, whose weights are stored as float16."""
        return (
            kind in ("dynamic", "window")
            and self.checkpoint != RANDOM_WEIGHTS
            and Path(self.checkpoint).resolve() == DEMO_WEIGHTS.resolve()
        )
