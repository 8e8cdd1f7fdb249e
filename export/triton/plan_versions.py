"""Which plans another TensorRT has built than the one in the Triton that serves."""

from pathlib import Path

from export.tensorrt.served_version import SERVED_TRITON, same_tensorrt
from ocrnet.artefacts import MANIFEST_SUFFIX, read_manifest
from ocrnet.errors import ArtefactError


def _in_words(served: str) -> str:
    """A version of TensorRT, with the Triton that has it where that is known."""
    known = served == SERVED_TRITON.tensorrt
    return f"TensorRT {served}" + (f" in Triton {SERVED_TRITON.tag}" if known else "")


def plans_of_other_versions(versions: Path, model: str, served: str) -> list[str]:
    """Return a sentence for each plan in a folder that another TensorRT has built than Triton's.

    versions: the folder with a graph's artefacts; served: Triton's TensorRT. Plans without a
    manifest, or with one that cannot be read, are passed over.
    """
    found = []
    for path in sorted(versions.glob(f"*.plan{MANIFEST_SUFFIX}")):
        plan = path.with_name(path.name.removesuffix(MANIFEST_SUFFIX))
        if not plan.is_file():
            continue
        try:
            manifest = read_manifest(path)
        except ArtefactError:
            continue  # it is named where it is compared with the configurations
        built_by = str(manifest.versions.get("tensorrt", ""))
        if manifest.format == "tensorrt" and not (built_by and same_tensorrt(built_by, served)):
            found.append(
                f"{plan} was built by TensorRT {built_by or '(not stated)'}, and Triton loads "
                f"plans of its own version alone ({_in_words(served)}): build it again with "
                f"'ocrnet export build {model} --to tensorrt --precision {manifest.precision}' "
                f"where TensorRT {served} is installed, or name the TensorRT of your Triton with "
                f"'ocrnet export repository {model} --tensorrt VERSION'"
            )
    return found
