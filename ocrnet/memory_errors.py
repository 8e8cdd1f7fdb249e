"""Tells when a library could not allocate memory, which each of them says in its own way."""

import errno
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from ocrnet.errors import OutOfMemory

# std::bad_alloc and its translations; libjpeg-turbo; OpenCV, OpenVINO and ONNX Runtime ("Failed to
# allocate", and of the memory that it keeps of a GPU, "smaller than requested bytes"); oneDNN
# ("can't alloc"); Pillow, CUDA and TensorRT; cuBLAS and cuDNN (ALLOC_FAILED); Python, as Triton's
# Python back end passes it on; zlib; Python and OpenVINO, of a thread whose stack finds no room.
_SAYS_MEMORY = re.compile(
    r"bad[ _]?alloc|out[ _]?of[ _]?memory|insufficient memory|cannot allocate memory"
    r"|memory allocation fail|alloc(?:ation)?_failed|MemoryError|^Error -4 "
    r"|is smaller than requested bytes|can't start new thread|resource temporarily unavailable"
    r"|(?:failed|unable|can't|cannot|could not)(?: to)? alloc",
    re.IGNORECASE,
)


def says_out_of_memory(message: str) -> bool:
    """Whether a library's error message is about memory that could not be allocated."""
    return _SAYS_MEMORY.search(message) is not None


@contextmanager
def memory_errors() -> Iterator[None]:
    """Raise OutOfMemory where the block could not allocate memory.

    What a library raises for any other reason passes unchanged.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except MemoryError as error:
        raise OutOfMemory from error
    except OSError as error:
        if error.errno == errno.ENOMEM or (error.errno is None and says_out_of_memory(str(error))):
            raise OutOfMemory from error
        raise
    except (cv2.error, RuntimeError, ValueError, zlib.error) as error:
        if says_out_of_memory(str(error)):
            raise OutOfMemory from error
        raise
