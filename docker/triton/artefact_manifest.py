"""Checks a file that Triton will load, and what its manifest says of it."""

import hashlib
import json
from operator import gt
from pathlib import Path
from typing import NamedTuple

from gpus import Gpu, tensorrt_version
from model_problems import ModelProblem, build_command, check_is_file

_SUFFIX = ".manifest.json"
_CHUNK = 1 << 20


class Demands(NamedTuple):
    """What a configuration asks of a plan beyond being there.

    max_batch: images of one request. profiles: optimisation profiles that it names. warm_up: the
    shape of the largest image of a warm-up, empty without one.
    """

    max_batch: int = 0
    profiles: int = 0
    warm_up: tuple[int, ...] = ()


class _Manifest(NamedTuple):
    """The parts of `<file>.manifest.json` that say whether Triton can load the file.

    files: SHA-256 by name. capability, tensorrt: of the GPU and the TensorRT that a plan was built
    by. largest: the largest shape, N first, that a plan takes, empty where it is not said.
    profiles: how many a plan has, None where it is not said. ahead_of_time: a plan that was built
    as a check.
    """

    files: dict[str, str]
    capability: str
    tensorrt: str
    largest: tuple[int, ...]
    profiles: int | None
    ahead_of_time: bool


def check_artefact(folder: Path, path: Path, gpu: Gpu | None, demands: Demands) -> None:
    """Raise ModelProblem if the file is missing, damaged or built for something else; or OSError.

    folder: of the model. gpu: that the file is for; None for any.
    """
    command = build_command(folder, path.name)
    if not path.exists():
        raise ModelProblem(f"{path} is missing{_which(path, gpu)}", command)
    if path.is_dir():  # some back ends load folders
        return
    check_is_file(path)
    manifest = _read(path, command)
    if manifest is None:
        with path.open("rb") as file:  # whether it can be read, which Triton says less clearly
            if not file.read(1):
                raise ModelProblem(f"{path} is empty", command)
        return
    if path.suffix == ".plan":  # first: the files of many plans take long to read
        _check_plan(path, manifest, gpu, demands, command)
    for name, digest in manifest.files.items():
        part = path.with_name(name)
        if not part.exists():
            raise ModelProblem(f"{part} is missing, which {path.name} needs", command)
        check_is_file(part)
        if _sha256(part) != digest:
            raise ModelProblem(f"{part} is damaged: it is not what its manifest names", command)


def _which(path: Path, gpu: Gpu | None) -> str:
    if gpu is None or path.suffix != ".plan":
        return ""
    return f", the plan for compute capability {gpu.capability} ({gpu.name})"


def _check_plan(
    path: Path, manifest: _Manifest, gpu: Gpu | None, demands: Demands, command: str
) -> None:
    if manifest.ahead_of_time:
        raise ModelProblem(f"{path} was built ahead of time, as a check: it is not served", command)
    if gpu and manifest.capability and manifest.capability != gpu.capability:
        raise ModelProblem(
            f"{path} was built for compute capability {manifest.capability}, the GPU here "
            f"({gpu.name}) has {gpu.capability}",
            command,
        )
    here = tensorrt_version()
    if here and manifest.tensorrt and not _same_version(here, manifest.tensorrt):
        raise ModelProblem(
            f"{path} was built by TensorRT {manifest.tensorrt}, this image has {here}: build it in "
            "the image of the same tag",
            command,
        )
    if manifest.profiles is not None and demands.profiles > manifest.profiles:
        raise ModelProblem(
            f"{path} has {manifest.profiles} optimisation profiles, its configuration names "
            f"{demands.profiles}",
            command,
        )
    if not manifest.largest:
        return
    batch, *image = manifest.largest
    if demands.max_batch > batch:
        raise ModelProblem(
            f"{path} takes batches of up to {batch}, its configuration asks for "
            f"{demands.max_batch}",
            f"{command} --max-batch {demands.max_batch}" if command else "",
        )
    if len(demands.warm_up) == len(image) and any(map(gt, demands.warm_up, image)):
        height, width = demands.warm_up[:2]
        raise ModelProblem(
            f"{path} takes images of up to {image[0]}x{image[1]}, the warm-up of its configuration "
            f"is of {height}x{width}",
            f"{command} --max-size {max(height, image[0])}x{max(width, image[1])}"
            if command
            else "",
        )


def _same_version(one: str, other: str) -> bool:
    """Whether they agree in the numbers that both have."""
    return all(a == b for a, b in zip(one.split("."), other.split(".")))  # noqa: B905


def _read(path: Path, command: str) -> _Manifest | None:
    """Return the manifest of a file; None if it has none. Raises ModelProblem for a damaged one."""
    place = path.with_name(path.name + _SUFFIX)
    check_is_file(place)
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ModelProblem(f"{place} is damaged: {error}", command) from None
    manifest = _from_json(data)
    if manifest is None or path.name not in manifest.files:
        raise ModelProblem(f"{place} is not a manifest of {path.name}", command)
    return manifest


def _from_json(data: object) -> _Manifest | None:
    if not isinstance(data, dict) or not isinstance(data.get("files"), dict):
        return None
    files = data["files"]
    if not all(isinstance(digest, str) for digest in files.values()):
        return None
    if not all(name == Path(name).name and "\0" not in name for name in files):
        return None  # it would name files elsewhere
    shape = _object(data, "profile").get("max")
    numbers = isinstance(shape, list) and all(isinstance(number, int) for number in shape)
    profiles = _object(data, "build").get("profiles")
    return _Manifest(
        files=files,
        capability=str(_object(data, "gpu").get("compute_capability", "")),
        tensorrt=str(_object(data, "versions").get("tensorrt", "")),
        largest=tuple(shape) if isinstance(shape, list) and numbers else (),
        profiles=profiles if isinstance(profiles, int) else None,
        ahead_of_time=data.get("format") == "tensorrt_rtx",
    )


def _object(data: dict[str, object], key: str) -> dict[str, object]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
