"""Everything that can run a network: one protocol, and one module per runtime."""

from ocrnet.artefacts import Artefact
from ocrnet.engines.base import Engine
from ocrnet.zoo.spec import ModelSpec

__all__ = ["Engine", "open_engine"]


def open_engine(spec: ModelSpec, graphs: list[Artefact], *, threads: int = 0) -> Engine:
    """Open the in-process engine on a model's graphs.

    threads: 0 takes the machine's cores. Raises ArtefactError.
    """
    from ocrnet.engines.openvino import OpenVinoEngine  # half a second to import

    return OpenVinoEngine(spec, graphs, threads=threads)
