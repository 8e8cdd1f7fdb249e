"""What keeps a model from being loaded, and the command that mends it."""

import errno
import re
from pathlib import Path

# A model NAME of `ocrnet export` is the folders NAME_dynamic, NAME_window and so on.
_FOLDER = re.compile(r"(?P<model>.+)_(?:dynamic|window|whole|slide)")


class ModelProblem(Exception):
    """A model that Triton could not load; the message says why.

    command: what `ocrnet export` has to be told to mend it, such as "build demo"; empty where it
    cannot.
    """

    def __init__(self, reason: str, command: str = ""):
        super().__init__(reason)
        self.command = command


def check_is_file(path: Path) -> None:
    """Raise OSError for what is there but no file: reading a pipe, for example, would not end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a file", str(path))


def model_of(folder: Path) -> str:
    """Return the model of `ocrnet export` that the folder is part of; empty for other folders."""
    found = _FOLDER.fullmatch(folder.name)
    return found["model"] if found else ""


def build_command(folder: Path, file: str) -> str:
    """Return the arguments of `ocrnet export` that build a file of this folder; empty: none do."""
    model, path = model_of(folder), Path(file)
    if not model:
        return ""
    precision = next((p for p in ("fp16", "int8") if path.stem.endswith(f"_{p}")), "")
    if path.suffix == ".plan":
        of_plan = {"fp16": "", "int8": " --precision int8", "": " --precision float32"}[precision]
        # The file for a GPU that has no plan by its name is not one of a precision.
        return f"build {model} --to tensorrt" + (of_plan if path.stem.startswith("model") else "")
    if path.suffix == ".onnx":
        target = {"fp16": "onnx-fp16", "int8": "onnx-int8", "": "onnx"}[precision]
        return f"build {model} --to {target}"
    return ""
