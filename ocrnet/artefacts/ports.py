"""What graphs and plans declare of their inputs and outputs, as objects and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

# As Triton has it, of a dimension that may be anything.
FREE = -1
LogitsElement = Literal["FLOAT", "FLOAT16"]


@dataclass(frozen=True)
class Port:
    """An input or an output. element: its type, as ONNX names it; dims: all, N first."""

    name: str
    element: str
    dims: tuple[int, ...]

    @classmethod
    def from_json(cls, facts: Any) -> Self | None:
        """None for anything but an object with the three fields."""
        if not isinstance(facts, dict):
            return None
        name, element, dims = (facts.get(key) for key in ("name", "element", "dims"))
        if not (isinstance(name, str) and isinstance(element, str) and isinstance(dims, list)):
            return None
        return cls(name, element, tuple(dims)) if all(isinstance(d, int) for d in dims) else None


@dataclass(frozen=True)
class Ports:
    """Those of a graph, in its order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self | None:
        """None for an object without both lists, or with anything but ports in one."""
        inputs, outputs = (_listed(facts.get(key)) for key in ("inputs", "outputs"))
        return None if inputs is None or outputs is None else cls(inputs, outputs)

    def to_json(self) -> dict[str, Any]:
        """By `inputs` and `outputs`."""
        return asdict(self)


def _listed(facts: Any) -> tuple[Port, ...] | None:
    if not isinstance(facts, list):
        return None
    ports = [port for port in map(Port.from_json, facts) if port]
    return tuple(ports) if len(ports) == len(facts) else None
