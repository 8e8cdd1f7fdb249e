"""Which of this project's errors a gRPC error of Triton stands for."""

from typing import Literal

from tritonclient.utils import InferenceServerException

from ocrnet.errors import (
    DeadlineExceeded,
    EngineError,
    EngineUnavailable,
    OutOfMemory,
    Overloaded,
)
from ocrnet.memory_errors import says_out_of_memory

_RETRY_AFTER = 1

QueueRefusal = Literal["full", "timeout"]

# Triton refuses what its queue does not take with the status of a server that cannot be reached,
# UNAVAILABLE. The message alone tells them apart: by these words, in lower case.
_QUEUE_REFUSALS: dict[str, QueueRefusal] = {
    "maximum queue size": "full",
    "timeout expired": "timeout",
}


def translate_error(
    error: InferenceServerException, address: str, seconds_left: float | None
) -> EngineError | Overloaded | DeadlineExceeded | OutOfMemory:
    """Return the error that a failed call is for the caller of an engine.

    address: of Triton, for the message. seconds_left: until the request's deadline; None: it has
    none.
    """
    status, message = _status(error), str(error.message())
    said = f"Triton at {address}: {message}"
    refusal = queue_refusal(error)
    over = seconds_left is not None and seconds_left <= 0
    if status == "DEADLINE_EXCEEDED" or (refusal == "timeout" and over):
        return DeadlineExceeded("the engine did not answer before the request's deadline")
    if refusal is not None:
        return Overloaded("the engine's queue is full; try again later", _RETRY_AFTER)
    if status in ("UNAVAILABLE", "NOT_FOUND"):
        return EngineUnavailable(said)
    # Triton has no status for this: backends report it as INTERNAL.
    if says_out_of_memory(message):
        return OutOfMemory(said)
    return EngineError(said)


def queue_refusal(error: InferenceServerException) -> QueueRefusal | None:
    """Return why Triton's queue refused a request: it is full, or the request waited too long.

    None: the error is about something else.
    """
    if _status(error) != "UNAVAILABLE":
        return None
    message = str(error.message()).lower()
    return next((why for words, why in _QUEUE_REFUSALS.items() if words in message), None)


def _status(error: InferenceServerException) -> str:
    """The name of the gRPC status, such as "UNAVAILABLE"; empty without one."""
    return str(error.status() or "").removeprefix("StatusCode.")
