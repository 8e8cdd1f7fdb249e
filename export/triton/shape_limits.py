"""Which shapes a configuration makes Triton run, and whether a plan takes them.

Source of the rules, in triton-inference-server/tensorrt_backend (commit e2ef6d7, July 2026):
`ConfigureInputDimensions` (dimensions beyond the profile: the model does not load; a batch beyond
it fails when it is run), `ValidateGraphSpec` (a CUDA graph beyond max_batch_size: the model does
not load), `SetCudaGraphShape` (one beyond the profile is not captured) in src/instance_state.cc;
`AutoCompleteConfigHelper` (max_batch_size beyond the profile: the model does not load, where
configurations are completed) in src/model_state.cc. In triton-inference-server/core (commit
73aad7c, June 2026): `GenerateWarmupData` in src/backend_model_instance.cc (a model whose warm-up
fails does not load) and `ValidateModelConfig` in src/model_config_utils.cc (preferred batches).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tritonclient.grpc.model_config_pb2 import ModelConfig

from ocrnet.artefacts import FREE, Profile

_IMAGE = "image"


@dataclass(frozen=True)
class _Run:
    """What a configuration makes Triton run: batches of images of these dims, FREE where any."""

    what: str
    batch: int
    dims: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.batch, *self.dims)


def runs_beyond(profile: Profile, config: ModelConfig) -> list[str]:
    """Return a clause for each kind of run of a configuration that a plan's profile does not take.

    config: of a model with batches (max_batch_size above 0).
    """
    refused: dict[str, list[_Run]] = {}
    for run in _runs(config):
        if not _within(run.shape, profile.min, profile.max):
            refused.setdefault(run.what, []).append(run)
    return [f"{what} {_in_words(runs, profile)}" for what, runs in refused.items()]


def _runs(config: ModelConfig) -> Iterable[_Run]:
    for one in config.input:
        if one.name == _IMAGE:
            yield _Run("single images", 1, tuple(one.dims))
            yield _Run("max_batch_size", config.max_batch_size, tuple(one.dims))
    for spec in config.optimization.cuda.graph_spec:
        if _IMAGE in spec.input:
            yield _Run("CUDA graphs of batch", spec.batch_size, tuple(spec.input[_IMAGE].dim))
    for warmup in config.model_warmup:
        if _IMAGE in warmup.inputs:
            dims = tuple(warmup.inputs[_IMAGE].dims)
            yield _Run("warm-up with batch", warmup.batch_size, dims)


def _within(shape: tuple[int, ...], low: list[int], high: list[int]) -> bool:
    return len(shape) == len(low) == len(high) and all(
        here == FREE or least <= here <= most
        for least, here, most in zip(low, shape, high, strict=True)
    )


def _in_words(runs: list[_Run], profile: Profile) -> str:
    """Their batches; with the images' dims where those are what the profile does not take."""
    by_batch = all(_within(run.dims, profile.min[1:], profile.max[1:]) for run in runs)
    said = [str(run.batch) if by_batch else f"{run.batch} of {list(run.dims)}" for run in runs]
    return ", ".join(said)


def needed_size(profile: Profile, config: ModelConfig) -> tuple[int, int] | None:
    """The largest height and width that a configuration runs; None: the profile takes them all."""
    sizes = [run.dims[:2] for run in _runs(config) if FREE not in run.dims[:2]]
    beyond = [size for size in sizes if not _within(size, profile.min[1:3], profile.max[1:3])]
    return (max(h for h, _ in beyond), max(w for _, w in beyond)) if beyond else None


def batches_beyond_their_own(config: ModelConfig) -> list[str]:
    """Return a clause for each kind of batch of a configuration above its own max_batch_size."""
    most = config.max_batch_size
    named = {
        "CUDA graphs": [spec.batch_size for spec in config.optimization.cuda.graph_spec],
        "warm-ups": [warmup.batch_size for warmup in config.model_warmup],
        "preferred_batch_size": list(config.dynamic_batching.preferred_batch_size),
    }
    return [
        f"{what} {', '.join(map(str, larger))}"
        for what, batches in named.items()
        if most and (larger := [batch for batch in batches if batch > most])
    ]
