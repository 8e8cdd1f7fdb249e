"""Which of the GPUs that nvidia-smi lists is CUDA's first, by CUDA's environment variables.

nvidia-smi lists every GPU in the order of the PCI bus, whatever CUDA_VISIBLE_DEVICES says. CUDA
hides GPUs and orders them: see "CUDA Environment Variables" in the CUDA C++ Programming Guide.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ocrnet.errors import ArtefactError

_VISIBLE, _ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
# As strtoul reads it: what follows the number is passed over.
_NUMBER = re.compile(r"\s*\+?(\d+)")
_OF_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)]+)\)")
_OF_MIG = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)")


@dataclass(frozen=True)
class ListedGpu:
    """A GPU as nvidia-smi lists it. mig: whether it is divided (Multi-Instance GPU)."""

    name: str
    compute_capability: str
    driver: str
    uuid: str = ""
    mig: bool = False


@dataclass(frozen=True)
class _Instance:
    """A part of a divided GPU. gpu: the UUID of the whole."""

    uuid: str
    profile: str
    gpu: str


def first_visible(
    gpus: Sequence[ListedGpu], environment: Mapping[str, str], list_instances: Callable[[], str]
) -> ListedGpu:
    """Return CUDA's device 0; a part of a divided GPU has its profile in the name, as in CUDA.

    gpus: all of the machine, at least one, in nvidia-smi's order. list_instances: gives the output
    of `nvidia-smi -L`, and is called for divided GPUs alone.

    Raises ArtefactError if the variables hide every GPU, or if nvidia-smi cannot tell which one
    they choose.
    """
    visible = environment.get(_VISIBLE)
    given = None if visible is None else [one.strip() for one in visible.split(",")]
    first = "0" if given is None else given[0]
    if first.startswith("MIG-"):
        return _by_instance(gpus, first, _instances(list_instances()))
    if first.startswith("GPU-"):
        if given and given.count(first) > 1:
            raise _hidden(gpus, visible)
        gpu = _by_uuid(gpus, first, visible)
    else:
        gpu = _by_index(gpus, given, visible, environment.get(_ORDER, ""))
    if not gpu.mig:
        return gpu
    parts = [part for part in _instances(list_instances()) if part.gpu == gpu.uuid]
    if not parts:
        raise ArtefactError(
            f"{gpu.name} is in MIG mode and has no instance: create one with 'nvidia-smi mig -cgi "
            "PROFILE -C', or switch the mode off"
        )
    return _named(gpu, parts[0])


def _by_index(
    gpus: Sequence[ListedGpu], given: list[str] | None, visible: str | None, order: str
) -> ListedGpu:
    numbers = [_number(one) for one in given or ["0"]]
    if -1 in numbers:  # the end of the list, for CUDA
        numbers = numbers[: numbers.index(-1)]
    # CUDA sees no GPU where one is named twice.
    if not numbers or numbers[0] >= len(gpus) or len(set(numbers)) < len(numbers):
        raise _hidden(gpus, visible)
    if order != "PCI_BUS_ID" and len({gpu.name for gpu in gpus}) > 1:
        raise ArtefactError(
            f"there are GPUs of several kinds here ({_names(gpus)}), which CUDA numbers by speed: "
            f"set {_ORDER}=PCI_BUS_ID, or {_VISIBLE} to the UUID of one ('nvidia-smi -L')"
        )
    return gpus[numbers[0]]


def _by_uuid(gpus: Sequence[ListedGpu], start: str, visible: str | None) -> ListedGpu:
    """CUDA takes the start of a UUID, too, if it is the start of one alone."""
    found = [gpu for gpu in gpus if gpu.uuid.startswith(start)]
    if len(found) != 1:
        raise _hidden(gpus, visible)
    return found[0]


def _by_instance(
    gpus: Sequence[ListedGpu], named: str, instances: Sequence[_Instance]
) -> ListedGpu:
    whole = {gpu.uuid: gpu for gpu in gpus}
    found = [part for part in instances if part.uuid.startswith(named) and part.gpu in whole]
    if len(found) != 1:
        has = ", ".join(part.uuid for part in instances) or "none"
        raise ArtefactError(
            f"{_VISIBLE} is {named!r}, which is none of the MIG instances here: {has}"
        )
    return _named(whole[found[0].gpu], found[0])


def _instances(listing: str) -> list[_Instance]:
    """Read `nvidia-smi -L`, where the instances of a GPU stand below it."""
    parts: list[_Instance] = []
    gpu = ""
    for line in listing.splitlines():
        if whole := _OF_GPU.match(line):
            gpu = whole[1]
        elif part := _OF_MIG.match(line):
            parts.append(_Instance(part[2], part[1], gpu))
    return parts


def _named(gpu: ListedGpu, part: _Instance) -> ListedGpu:
    return replace(gpu, name=f"{gpu.name} MIG {part.profile}")


def _number(text: str) -> int:
    """-1 for what is no number from 0 on."""
    found = _NUMBER.match(text)
    return int(found[1]) if found else -1


def _hidden(gpus: Sequence[ListedGpu], visible: str | None) -> ArtefactError:
    last = len(gpus) - 1
    numbers = "0" if last == 0 else f"0 to {last}"
    return ArtefactError(
        f"{_VISIBLE} is {visible!r}, with which CUDA sees none of the GPUs here ({_names(gpus)}): "
        f"unset it, or name one of {numbers} or a UUID ('nvidia-smi -L')"
    )


def _names(gpus: Sequence[ListedGpu]) -> str:
    return ", ".join(gpu.name for gpu in gpus)
