"""TensorRT's timing cache: kernels that were timed once are not timed again.

It only saves time, so nothing about its file may lose a plan: what is wrong with it is logged, and
the build goes on without.
"""

import logging
import os
from pathlib import Path
from types import ModuleType
from typing import Any

_log = logging.getLogger(__name__)


class TimingCacheFile:
    """The cache of one build: loaded into its configuration, stored after it.

    A file that is not a cache of this TensorRT and GPU is never written: it may be the cache of
    another GPU, or no cache at all.
    """

    def __init__(self, trt: ModuleType, config: Any, path: Path | None):
        """path: None for no cache; a file that is not there yet is made by `store`."""
        self._config = config
        # TensorRT-RTX times nothing.
        self._path = None if path is None or trt.__name__ == "tensorrt_rtx" else path
        if self._path is not None and not self._load(self._path):
            self._path = None

    def _load(self, path: Path) -> bool:
        try:
            there = path.exists()
            if there and not path.is_file():  # reading may wait, writing take the place of a device
                _log.warning("The timing cache %s is not a file, so none is used", path)
                return False
            data = path.read_bytes() if there else b""
        except OSError as error:
            _log.warning("The timing cache %s cannot be read, so none is used: %s", path, error)
            return False
        if self._take(data):
            return True
        _log.warning(
            "%s is no timing cache of this TensorRT and GPU: it is not used and stays as it is. "
            "Name another file to keep one for this GPU",
            path,
        )
        return False

    def _take(self, data: bytes) -> bool:
        cache = self._config.create_timing_cache(data)
        if cache is None:
            return False
        if data:
            # What TensorRT cannot read becomes an empty cache, and that would be stored.
            empty = _serialised(self._config.create_timing_cache(b""))
            if _serialised(cache) == empty != data:
                return False
        return bool(self._config.set_timing_cache(cache, ignore_mismatch=False))

    def store(self) -> None:
        """Write what was timed, whole or not at all."""
        if self._path is None:
            return
        data = _serialised(self._config.get_timing_cache())
        if data is None:
            _log.warning("TensorRT gives no timing cache: %s stays as it is", self._path)
            return
        file = Path(os.path.realpath(self._path))  # a link stays one
        partial = file.with_name(f"{file.name}.partial")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(file)
        except OSError as error:
            _log.warning("The timing cache %s was not written: %s", self._path, error)


def _serialised(cache: Any) -> bytes | None:
    """None for no cache, and for one that TensorRT does not write."""
    memory = None if cache is None else cache.serialize()
    return None if memory is None else bytes(memory)
