"""Tells which models of a repository Triton can load, and what the others lack.

A model without its version folder, or without the file that its configuration names, stops all of
Triton. What is compared here is what Triton compares: the folder's name with the configuration's,
the versions that it asks for, and the file of each GPU. Where an artefact has a manifest of
`ocrnet export build`, its SHA-256 and a plan's GPU and TensorRT are compared too.
"""

import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from artefact_manifest import Demands, check_artefact
from gpus import Gpu, NoGpu, find_gpus
from model_problems import ModelProblem, build_command, check_is_file, model_of
from text_format import Message, TextFormatError, Value, parse_text_format

# What Triton loads where the configuration names no file. Other back ends are not judged.
_DEFAULT_FILES = {
    "tensorrt": "model.plan",
    "onnxruntime": "model.onnx",
    "openvino": "model.xml",
    "pytorch": "model.pt",
    "python": "model.py",
}
_PLATFORMS = {
    "tensorrt_plan": "tensorrt",
    "onnxruntime_onnx": "onnxruntime",
    "pytorch_libtorch": "pytorch",
}


class Finding(NamedTuple):
    """What was found of one model; problem: None for a model that is whole."""

    folder: Path
    problem: ModelProblem | None


class Machine:
    """What the machine has; GPUs are asked for once, and only if a model needs one."""

    @cached_property
    def _found(self) -> list[Gpu] | NoGpu:
        try:
            return find_gpus()
        except NoGpu as error:
            return error

    def gpus(self) -> list[Gpu]:
        """Return them; raises NoGpu."""
        if isinstance(self._found, NoGpu):
            raise self._found
        return self._found


def find_models(repository: Path, config_name: str, completes: bool) -> list[Finding]:
    """Look at each model of a repository, in the order of their names.

    config_name: as --model-config-name; empty for config.pbtxt. completes: whether Triton completes
    configurations, so that a model may have none. Raises OSError if the folder cannot be listed.
    """
    machine = Machine()
    problems: dict[Path, ModelProblem | None] = {}
    members: dict[Path, list[str]] = {}
    for folder in sorted(repository.iterdir()):
        if folder.name.startswith("."):
            continue
        try:
            if folder.is_dir():
                problems[folder] = None
                members[folder] = _check(folder, config_name, completes, machine)
            elif folder.is_symlink() and not folder.exists():
                problems[folder] = ModelProblem(f"it is a link to {folder.readlink()}, not there")
        except ModelProblem as error:
            problems[folder] = error
        except OSError as error:
            problems[folder] = ModelProblem(unreadable(error, folder))
    _leave_out_ensembles(problems, members)
    return [Finding(folder, problem) for folder, problem in problems.items()]


def _leave_out_ensembles(
    problems: dict[Path, ModelProblem | None], members: dict[Path, list[str]]
) -> None:
    """Find ensembles without one of their models, which may be ensembles as well."""
    changed = True
    while changed:
        changed = False
        whole = {folder.name for folder, problem in problems.items() if problem is None}
        for folder, names in members.items():
            missing = [name for name in names if name not in whole]
            if missing and problems[folder] is None:
                problems[folder] = ModelProblem(f"it is an ensemble with {missing[0]}, left out")
                changed = True


def unreadable(error: OSError, path: Path) -> str:
    """Return an error of the file system as a sentence, with the command that gives a right."""
    place = error.filename or path
    if isinstance(error, PermissionError):
        return (
            f"user {os.getuid()} may not read {place}: run 'chmod -R a+rX' on the repository, on "
            "the host"
        )
    return f"{place} cannot be read: {error.strerror or error}"


def _check(folder: Path, config_name: str, completes: bool, machine: Machine) -> list[str]:
    """Return the models that an ensemble needs; raises ModelProblem or OSError."""
    config = _read_config(folder, config_name, completes)
    name = _text(config, "name")
    if name not in ("", folder.name):
        raise ModelProblem(
            f"its configuration is of the model {name!r}, but Triton takes the folder's name: "
            f"rename the folder or change 'name'"
        )
    backend = _text(config, "backend") or _PLATFORMS.get(_text(config, "platform"), "")
    gpus = _gpus(config, backend, machine)
    files = _files(config, backend, gpus)
    named = _by_capability(config)
    demands = _demands(config)
    for version in _versions(folder, config, next(iter(files), "")):
        for file, gpu in files.items():
            path = version / file
            if gpu and named and gpu.capability not in named and not path.exists():
                other = build_command(folder, "model_fp16.onnx")
                instead = (
                    f": after 'export {other}' serve it with --model-config-name=onnx there "
                    "(with Compose: TRITON_CONFIG=onnx)"
                )
                raise ModelProblem(
                    f"its configuration names no file for compute capability {gpu.capability} "
                    f"({gpu.name}){instead if other else ''}"
                )
            check_artefact(folder, path, gpu, demands)
    schedule = next(iter(_messages(config, "ensemble_scheduling")), {})
    return [_text(step, "model_name") for step in _messages(schedule, "step")]


def _demands(config: Message) -> Demands:
    named = [
        int(str(number))
        for group in _messages(config, "instance_group")
        for number in group.get("profile", [])
        if str(number).isdigit()
    ]
    shapes = [
        tuple(int(str(number)) for number in value.get("dims", []) if str(number).isdigit())
        for warm_up in _messages(config, "model_warmup")
        for entry in _messages(warm_up, "inputs")
        for value in _messages(entry, "value")
    ]
    return Demands(
        max_batch=_number(config, "max_batch_size"),
        profiles=max(named, default=-1) + 1,
        warm_up=max(shapes, default=()),
    )


def _gpus(config: Message, backend: str, machine: Machine) -> list[Gpu]:
    """The GPUs that the model runs on; none for a model that runs on CPUs."""
    kinds = {_text(group, "kind") for group in _messages(config, "instance_group")}
    needs_one = backend == "tensorrt" or "KIND_GPU" in kinds
    if not needs_one and (kinds == {"KIND_CPU"} or not _by_capability(config)):
        return []
    try:
        return _used(config, machine.gpus())
    except NoGpu as error:
        if not needs_one:
            return []
        raise ModelProblem(
            f"it is configured for a GPU, and {error}. Without one, serve with "
            "--model-config-name=cpu"
        ) from None


def _read_config(folder: Path, config_name: str, completes: bool) -> Message:
    named = folder / "configs" / f"{config_name}.pbtxt"
    path = named if config_name and named.exists() else folder / "config.pbtxt"
    check_is_file(path)
    try:
        return parse_text_format(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if completes:
            return {}
        command = f"repository {model_of(folder)}" if model_of(folder) else ""
        raise ModelProblem(f"it has no {path.name}", command) from None
    except (UnicodeDecodeError, TextFormatError) as error:
        command = f"repository {model_of(folder)}" if model_of(folder) else ""
        raise ModelProblem(f"{path} is not a configuration: {error}", command) from None


def _files(config: Message, backend: str, gpus: list[Gpu]) -> dict[str, Gpu | None]:
    """The files that Triton loads, each with a GPU that it is for; None for any GPU and CPUs."""
    default = _text(config, "default_model_filename") or _DEFAULT_FILES.get(backend, "")
    named = _by_capability(config)
    files: dict[str, Gpu | None] = {}
    for gpu in gpus:
        files.setdefault(named.get(gpu.capability, default), gpu)
    if not files and default:
        files[default] = None
    files.pop("", None)
    return files


def _by_capability(config: Message) -> dict[str, str]:
    """The files that the configuration names for compute capabilities."""
    entries = _messages(config, "cc_model_filenames")
    return {_text(entry, "key"): _text(entry, "value") for entry in entries}


def _used(config: Message, gpus: list[Gpu]) -> list[Gpu]:
    """The GPUs that the instance groups name; all, if one names none."""
    named = [group.get("gpus", []) for group in _messages(config, "instance_group")]
    if not named or not all(named):
        return gpus
    numbers = {int(str(number)) for group in named for number in group if str(number).isdigit()}
    return [gpu for number, gpu in enumerate(gpus) if number in numbers] or gpus


def _versions(folder: Path, config: Message, file: str) -> list[Path]:
    """The folders of the versions that Triton loads; file: what they lack if they are not there."""
    there = sorted(
        (path for path in folder.iterdir() if _is_version(path)), key=lambda path: int(path.name)
    )
    policy = next(iter(_messages(config, "version_policy")), {})
    specific = next(iter(_messages(policy, "specific")), None)
    if specific is not None:
        wanted = [folder / str(version) for version in specific.get("versions", [])]
        missing = [path for path in wanted if path not in there]
        if missing:
            raise ModelProblem(
                f"its folder {missing[0].name} is missing, with {file or 'the model'} in it",
                build_command(folder, file),
            )
        return wanted
    if not there:
        raise ModelProblem(
            f"it has no version's folder, such as 1, with {file or 'the model'} in it",
            build_command(folder, file),
        )
    if "all" in policy:
        return there
    latest = next(iter(_messages(policy, "latest")), {})
    return there[-(_number(latest, "num_versions") or 1) :]


def _is_version(path: Path) -> bool:
    return path.name.isascii() and path.name.isdigit() and path.name[0] != "0" and path.is_dir()


def _messages(message: Message, field: str) -> list[Message]:
    return [value for value in _values(message, field) if isinstance(value, dict)]


def _text(message: Message, field: str) -> str:
    texts = [value for value in _values(message, field) if isinstance(value, str)]
    return texts[-1] if texts else ""


def _number(message: Message, field: str) -> int:
    text = _text(message, field) or "0"
    if not (text.isascii() and text.isdigit()):
        raise ModelProblem(f"its configuration has {field}: {text[:40]!r}, which is not a number")
    return int(text[:9])


def _values(message: Message, field: str) -> list[Value]:
    return message.get(field, [])
