"""The Triton that serves what is built here: it loads plans of its own TensorRT alone.

Whoever moves to another Triton changes it here; tests compare docker-compose.yml, the Dockerfile of
the exporter and the extra `gpu` of pyproject.toml with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServedTriton:
    """tag: of NVIDIA's images of Triton and of TensorRT; tensorrt: the version in both."""

    tag: str
    tensorrt: str

    @property
    def requirement(self) -> str:
        """What to install with pip for its TensorRT."""
        return f"tensorrt=={self.tensorrt}.*"


SERVED_TRITON = ServedTriton(tag="26.07", tensorrt="11.1.0")


def same_tensorrt(built_by: str, served: str) -> bool:
    """Whether a plan of one version of TensorRT loads in the other; what one leaves out is equal.

    Plans name four numbers, such as 11.1.0.106.
    """
    return all(a == b for a, b in zip(built_by.split("."), served.split("."), strict=False))


def other_version_installed(installed: str) -> str:
    """What to know before plans are built by a TensorRT; empty if Triton has the same."""
    if same_tensorrt(installed, SERVED_TRITON.tensorrt):
        return ""
    return (
        f"TensorRT {installed} is installed, and Triton {SERVED_TRITON.tag} has "
        f"{SERVED_TRITON.tensorrt}, which loads no plans of another version: build them where "
        f"{SERVED_TRITON.tensorrt} is installed (docker/export.Dockerfile has it), unless your "
        "Triton has this one"
    )
