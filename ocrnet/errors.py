"""Every error the product raises on purpose, split by the layer that failed.

    OcrnetError
    ├── InputError                 the caller sent something that cannot be served
    │   ├── UndecodablePicture     allowed type, but the bytes do not decode
    │   ├── UnsupportedPicture     not a type on the allow-list
    │   ├── PictureTooLarge        bytes, pixels, a side or the work over the limit
    │   └── InvalidOption          an option with a value that cannot be used
    ├── UnknownModel               no model of that name
    ├── UnsupportedModel           a kind of network that this product does not serve
    ├── Overloaded                 no room for another request
    ├── OutOfMemory                memory that was needed could not be had
    ├── DeadlineExceeded           the time that the request may take is over
    ├── EngineError                the engine failed
    │   ├── EngineUnavailable      not loaded, or not there
    │   │   └── DeviceLost         its GPU stopped working: only a restart helps
    │   └── BadEngineOutput        it answered with something that cannot be logits
    ├── ArtefactError              a graph or its manifest is missing, damaged or unlike the zoo
    ├── CheckpointError            a checkpoint that cannot be read or does not fit
    └── DownloadError              a checkpoint that cannot be fetched

No HTTP here: the gateway maps these to statuses in one table.
"""


class OcrnetError(Exception):
    """Root of the tree. `code` is stable and documented."""

    code = "internal_error"


class InputError(OcrnetError):
    """The caller sent something that cannot be served; the message says what would be valid."""

    code = "invalid_input"


class UndecodablePicture(InputError):
    """The type is allowed, the bytes do not decode."""

    def __init__(self, message: str, code: str = "undecodable_image"):
        super().__init__(message)
        self.code = code


class UnsupportedPicture(InputError):
    """The content is not of a type on the allow-list."""

    code = "unsupported_media_type"


class PictureTooLarge(InputError):
    """A size limit is passed: `limit` and `actual` are in the unit that the message names."""

    def __init__(self, message: str, code: str, *, limit: int, actual: int):
        super().__init__(message)
        self.code = code
        self.limit = limit
        self.actual = actual


class InvalidOption(InputError):
    """An option's value cannot be used."""

    def __init__(self, option: str, message: str):
        super().__init__(message)
        self.option = option
        self.code = f"invalid_{option}"


class UnknownModel(OcrnetError):
    """No model of that name in the zoo, or none loaded."""

    code = "unknown_model"


class UnsupportedModel(OcrnetError):
    """A kind of network that this product does not serve, such as one with one output channel."""

    code = "unsupported_model"


class Overloaded(OcrnetError):
    """No room for another request; `retry_after` is in whole seconds."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: int):
        super().__init__(message)
        self.retry_after = retry_after


class OutOfMemory(OcrnetError, MemoryError):
    """Memory that was needed could not be had; the same request may succeed later."""

    code = "out_of_memory"

    def __init__(self, message: str = "there is not enough free memory"):
        super().__init__(message)


class DeadlineExceeded(OcrnetError):
    """The time that the request may take is over: its own deadline, or the server's."""

    code = "deadline_exceeded"


class EngineError(OcrnetError):
    """The engine failed."""

    code = "engine_failed"


class EngineUnavailable(EngineError):
    """The engine is closed, not loaded, or cannot be reached."""

    code = "engine_unavailable"


class DeviceLost(EngineUnavailable):
    """The GPU stopped working in such a way that this process cannot use it any more."""


class BadEngineOutput(EngineError):
    """The engine answered with a wrong shape or with values that are not finite."""

    code = "bad_engine_output"


class ArtefactError(OcrnetError):
    """A graph or its manifest is missing, damaged, or unlike what the zoo says."""

    code = "bad_artefact"


class CheckpointError(OcrnetError):
    """A checkpoint cannot be read, or does not fit the network."""

    code = "bad_checkpoint"


class DownloadError(OcrnetError):
    """A checkpoint cannot be fetched; the message says what to do by hand."""

    code = "download_failed"
