"""Does a TensorRT plan give what a configuration says, and take what it sends?

Nobody reads a plan without its GPU: what is compared is its manifest.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.artefacts.targets import Target
from export.graphs.onnx_export import fixed_size
from export.graphs.ports import ports_of
from export.triton.port_differences import differences
from export.triton.shape_limits import needed_size, runs_beyond
from ocrnet.artefacts import (
    FREE,
    MANIFEST_SUFFIX,
    Manifest,
    Port,
    Ports,
    Precision,
    Profile,
    read_manifest,
)
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec


def plan_disagreements(
    plan: Path, capability: str, path: Path, config: ModelConfig, spec: ModelSpec
) -> Iterator[str]:
    """Yield a sentence for each way in which a plan does not fit the configuration that names it.

    capability: that of the GPUs for which the configuration names it; empty: of all others. path:
    of the configuration. A plan of somebody else's making has no manifest, and nothing to compare.
    """
    manifest_path = plan.with_name(plan.name + MANIFEST_SUFFIX)
    if not manifest_path.exists():
        return
    try:
        manifest = read_manifest(manifest_path)
    except ArtefactError as error:
        yield str(error)
        return
    if identity := _wrong_identity(plan, capability, manifest, spec):
        yield f"{plan} is not what {path} names: {identity}"
        return
    for text in differences(declared(manifest, spec), config):
        yield f"{plan} does not fit {path}: {text}"
    build = f"'ocrnet export build {spec.name} --to tensorrt --precision {manifest.precision}"
    if manifest.profile is None:
        yield f"{manifest_path} does not say which shapes the plan takes: build it again: {build}'"
    elif config.max_batch_size and (beyond := runs_beyond(manifest.profile, config)):
        yield (
            f"{plan} takes {_text(manifest.profile)}, and {path} asks for more: "
            f"{'; '.join(beyond)}. {_remedy(manifest, manifest.profile, config, build)}"
        )
    elif missing := _profiles_beyond(manifest, config):
        yield (
            f"{plan} has no optimisation profile {missing}, which {path} names: build it again "
            f"with {build}'"
        )


def _profiles_beyond(manifest: Manifest, config: ModelConfig) -> str:
    """Those that a configuration names and the plan lacks; Triton refuses the model then.

    Plans of before there were several, and those of one shape, have profile 0 alone.
    """
    there = manifest.build.plan.profiles if manifest.build.plan else 0
    named = dict.fromkeys(name for group in config.instance_group for name in group.profile)
    return ", ".join(name for name in named if name not in map(str, range(max(there, 1))))


def declared(manifest: Manifest, spec: ModelSpec) -> Ports:
    """What a plan takes and gives, N free: its profile says how many.

    Manifests of before this was recorded are of plans that have what their precision and their
    outputs imply.
    """
    ports = manifest.build.ports
    if ports is None:
        logits = Target(manifest.format, manifest.precision).logits_element
        labels = "labels" in manifest.outputs
        ports = ports_of(spec, fixed_size(spec, manifest.kind), logits=logits, labels=labels)
    return Ports(_batches_free(ports.inputs), _batches_free(ports.outputs))


def _batches_free(ports: tuple[Port, ...]) -> tuple[Port, ...]:
    return tuple(replace(port, dims=(FREE, *port.dims[1:])) for port in ports)


def _wrong_identity(plan: Path, capability: str, manifest: Manifest, spec: ModelSpec) -> str | None:
    """What another plan under this name is; None: it is the one of that name."""
    kind = plan.parents[1].name.removeprefix(f"{spec.name}_")
    if (manifest.model, manifest.kind) != (spec.name, kind):
        return f"its manifest is of {manifest.model}_{manifest.kind}"
    if manifest.format != "tensorrt":
        return f"{manifest.format} has built it, and Triton loads plans of TensorRT alone"
    built_for = manifest.gpu.compute_capability if manifest.gpu else ""
    if capability and built_for != capability:
        return (
            f"it was built for compute capability {built_for or 'unknown'}, "
            f"and is loaded on GPUs of {capability}"
        )
    named = {
        Target("tensorrt", precision, built_for).file: precision
        for precision in get_args(Precision)
    }
    if named.get(plan.name, manifest.precision) != manifest.precision:
        return f"it computes in {manifest.precision}"
    return None


def _text(profile: Profile) -> str:
    if profile.min == profile.max:
        return f"{profile.max} alone"
    return f"{profile.min} to {profile.max}"


def _remedy(manifest: Manifest, profile: Profile, config: ModelConfig, build: str) -> str:
    """What makes the two fit; the options of both commands have the same names."""
    configure = f"'ocrnet export repository {manifest.model}"
    size = needed_size(profile, config)
    if manifest.kind == "dynamic":
        if size:
            return f"Build it again with {build} --max-size {size[0]}x{size[1]}' or larger"
        return f"Plans for any size take one image: write the configurations with {configure}'"
    if size or profile.min[0] > 1:
        return f"Build it again with {build}'"
    return (
        f"Build it again with {build} --max-batch {config.max_batch_size}', or write the "
        f"configurations with {configure} --max-batch {profile.max[0]}'"
    )
