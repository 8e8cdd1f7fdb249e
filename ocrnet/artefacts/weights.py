"""Where a model's weights come from, and what users must know of masks by them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ocrnet.zoo.spec import ModelSpec, Published

Origin = Literal["published", "demo", "own", "random", "unknown"]
# Of a Triton model's configuration, as strings: what a manifest says of the weights.
CHECKPOINT_PARAMETER = "checkpoint"
SHA256_PARAMETER = "checkpoint_sha256"
ORIGIN_PARAMETER = "weights"
ORIGINS: tuple[Origin, ...] = get_args(Origin)


@dataclass(frozen=True)
class Weights:
    """The weights of a graph, or of all graphs of a model.

    origin: `published`, the checkpoint at the zoo's URL; `demo`, what comes with this project;
    `own`, any other file; `random`, drawn for trying a model out; `unknown`, of a Triton model
    whose configuration does not say. checkpoint: the file's name, empty where unknown. sha256: of
    that file, empty for random and unknown ones. note: a sentence that belongs beside every mask;
    empty if nothing has to be said.
    """

    origin: Origin
    checkpoint: str = ""
    sha256: str = ""
    note: str = ""

    def as_parameters(self) -> dict[str, str]:
        """What the configuration of a Triton model with these weights says; empty if unknown."""
        if self.origin == "unknown":
            return {}
        return {
            CHECKPOINT_PARAMETER: self.checkpoint,
            SHA256_PARAMETER: self.sha256,
            ORIGIN_PARAMETER: self.origin,
        }

    def figures(self, spec: ModelSpec) -> Published:
        """The published figures of a model; empty ones for any other weights."""
        return spec.published if self.origin == "published" else Published()


UNKNOWN = Weights("unknown", note="weights unknown")
_RANDOM_NOTE = "random weights: masks mean nothing"


def weights_of(spec: ModelSpec, checkpoint: str, sha256: str, recorded: str) -> Weights:
    """Say what a checkpoint is for a model of the zoo.

    checkpoint: its file name; sha256: empty for random weights. recorded: the origin as it was when
    the graph was built, since only then it is known where a file was pulled from.
    """
    if not sha256:
        return Weights("random", checkpoint, note=_RANDOM_NOTE)
    known = spec.checkpoint
    is_known = bool(known.digits) and sha256.startswith(known.digits)
    if known.shipped and is_known:
        return Weights("demo", checkpoint, sha256, known.note)
    if known.url and (is_known or recorded == "published"):
        return Weights("published", checkpoint, sha256)
    return Weights(
        "own", checkpoint, sha256, f"weights of {checkpoint}, not known to be the published ones"
    )


def common_weights(weights: Iterable[Weights]) -> Weights | None:
    """The weights of all graphs of a model, by their SHA-256; None where they differ."""
    found = sorted(weights, key=lambda one: ORIGINS.index(one.origin))
    same = len({one.sha256 or one.origin for one in found}) == 1
    # One file is what the best informed of its manifests says.
    return found[0] if same else None
