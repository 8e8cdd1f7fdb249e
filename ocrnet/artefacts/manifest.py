"""The manifest beside an artefact: where it comes from, what it is for, how exact it is."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from ocrnet.artefacts.build_facts import BuildFacts, PlanGpu, Profile
from ocrnet.artefacts.weights import ORIGINS
from ocrnet.errors import ArtefactError

Kind = Literal["dynamic", "window", "whole"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Format = Literal["onnx", "openvino", "tensorrt", "tensorrt_rtx"]
Precision = Literal["float32", "float16", "int8"]
MANIFEST_SUFFIX = ".manifest.json"

_SHORT: dict[Precision, str] = {"float32": "", "float16": "fp16", "int8": "int8"}


@dataclass(frozen=True)
class Manifest:
    """What stands beside an artefact, as `<file>.manifest.json`.

    file: what is loaded; files: the SHA-256 of it and of what it needs beside it, by name.
    height, width: None where it takes any. outputs: by name; classes: channels of `logits`.
    profile, gpu: of a plan, the shapes and the GPU that it was built for.
    checkpoint: where the weights came from; checkpoint_sha256: empty for random weights. weights:
    their origin as of `Weights`, as it was known when the artefact was built; empty in manifests of
    before it was recorded.
    parity: largest logit error against PyTorch, over the largest logit, by size tried; empty for
    plans, which are not run when they are built.
    """

    model: str
    kind: Kind
    format: Format
    precision: Precision
    file: str
    files: dict[str, str]
    height: int | None
    width: int | None
    outputs: list[str]
    classes: int
    checkpoint: str
    checkpoint_sha256: str
    versions: dict[str, str]
    parity: dict[str, float]
    profile: Profile | None = None
    gpu: PlanGpu | None = None
    build: BuildFacts = field(default_factory=BuildFacts)
    weights: str = ""

    def write(self, folder: Path) -> Path:
        """Write the manifest beside its artefact, return its path."""
        path = folder / (self.file + MANIFEST_SUFFIX)
        content = asdict(self) | {
            "profile": self.profile.to_json() if self.profile else {},
            "gpu": self.gpu.to_json() if self.gpu else {},
            "build": self.build.to_json(),
        }
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return path


def artefact_stem(precision: Precision, gpu: str = "") -> str:
    """File name without its ending, such as `model` or `model_sm80_fp16`."""
    return "_".join(part for part in ("model", gpu, _SHORT[precision]) if part)


def precision_named(file: str) -> Precision:
    """The precision of an artefact by its file's name, as `artefact_stem` gives it."""
    short = Path(file).stem.rpartition("_")[2]
    return next((name for name, said in _SHORT.items() if said and said == short), "float32")


def sha256_of(path: Path) -> str:
    """Hash a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest's fields; raises ArtefactError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing: an artefact is loaded only with it") from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{path} cannot be read: {error}") from error
    if not _is_manifest(data):
        raise ArtefactError(f"{path} is not a manifest of this version: build the artefact again")
    return Manifest(
        **data
        | {
            "profile": Profile.from_json(data["profile"]),
            "gpu": PlanGpu.from_json(data["gpu"]),
            "build": BuildFacts.from_json(data["build"]),
        }
    )


def _is_manifest(data: Any) -> bool:
    names = {field.name for field in fields(Manifest)}
    if not isinstance(data, dict) or set(data) | {"weights"} != names:
        return False
    texts = ("model", "file", "checkpoint", "checkpoint_sha256")
    return (
        all(isinstance(data[name], str) for name in texts)
        and data.get("weights", "") in ("", *ORIGINS)
        and data["kind"] in KINDS
        and data["format"] in get_args(Format)
        and data["precision"] in get_args(Precision)
        and all(isinstance(data[name], int | None) for name in ("height", "width"))
        and isinstance(data["classes"], int)
        and isinstance(data["outputs"], list)
        and "logits" in data["outputs"]
        and all(
            isinstance(data[name], dict)
            for name in ("files", "versions", "parity", "profile", "gpu", "build")
        )
        and all(isinstance(text, str) for text in (*data["files"].values(), *data["gpu"].values()))
        and all(isinstance(error, int | float) for error in data["parity"].values())
    )
