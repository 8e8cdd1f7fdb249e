"""Do the artefacts of a Triton model fit its configurations? Triton loads no others.

ONNX graphs are read; of plans, which nobody reads without their GPU, the manifests are.
"""

from collections.abc import Container, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.graphs.ports import declared_ports
from export.triton.loaded_files import loaded_files
from export.triton.models import COMPUTE_CAPABILITIES
from export.triton.pbtxt import parse_config
from export.triton.plan_agreement import plan_disagreements
from export.triton.port_differences import differences
from export.triton.shape_limits import batches_beyond_their_own
from ocrnet.artefacts import Kind, graph_folder
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec


def disagreements(
    repository: Path, spec: ModelSpec, kind: Kind, files: Container[str] | None = None
) -> list[str]:
    """Compare each configuration of a Triton model with the artefacts that it serves, if any.

    files: names of the artefacts to look at; None: all, and whether each configuration fits itself
    and each plan is named by one. Returns a sentence for each thing that differs, and for each file
    that cannot be read; empty where all agree.
    """
    versions = graph_folder(repository, spec.name, kind)
    found: list[str] = []
    named: set[str] = set()
    configured = False
    for path in _configurations(versions.parent):
        try:
            config = parse_config(path.read_text(encoding="utf-8"))
        except ArtefactError as error:
            found.append(f"{path} is {error}")
            continue
        except UnicodeDecodeError as error:
            found.append(f"{path} is not a text: {error}")
            continue
        configured = True
        if files is None:
            found += [
                f"{path} contradicts itself: max_batch_size is {config.max_batch_size}, and it "
                f"has {text}"
                for text in batches_beyond_their_own(config)
            ]
        for file, capability in loaded_files(config):
            named.add(file)
            artefact = versions / file
            if artefact.is_file() and (files is None or file in files):
                found += _of_one(artefact, capability, path, config, spec)
    if configured:
        found += [
            f"{plan} is loaded by no configuration: 'ocrnet export repository {spec.name}' writes "
            f"those of plans for compute capability {', '.join(COMPUTE_CAPABILITIES)}"
            for plan in sorted(versions.glob("model_sm*.plan"))
            if plan.name not in named and (files is None or plan.name in files)
        ]
    return found


def _configurations(folder: Path) -> Iterator[Path]:
    for path in (folder / "config.pbtxt", *sorted((folder / "configs").glob("*.pbtxt"))):
        if path.is_file():
            yield path


def _of_one(
    artefact: Path, capability: str, path: Path, config: ModelConfig, spec: ModelSpec
) -> Iterator[str]:
    if artefact.suffix == ".plan":
        yield from plan_disagreements(artefact, capability, path, config, spec)
        return
    try:
        ports = declared_ports(onnx.load(artefact, load_external_data=False))
    except DecodeError as error:
        yield f"{artefact} is not an ONNX file: {error}"
        return
    for text in differences(ports, config):
        yield f"{artefact} does not fit {path}: {text}"
