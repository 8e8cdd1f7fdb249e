"""Compiled graphs, kept for the next start.

OpenVINO has such a cache itself, but takes what it finds there as it is: with one bit flipped, the
labels change and nobody is told. Here a file is used only if its SHA-256 is right.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ocrnet.errors import ArtefactError
from ocrnet.process import user_cache

_DIGEST = hashlib.sha256().digest_size
_OTHERS_WRITE = 0o022


class CompiledCache:
    """A folder with one file for each graph, machine, version and setting."""

    def __init__(self, folder: Path):
        """Make the folder if there is none.

        Raises ArtefactError where that fails, or where others may write to it: what lies there is
        run.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = folder.stat()
        except OSError as error:
            reason = error.strerror
            raise ArtefactError(f"{folder} cannot hold compiled graphs: {reason}") from error
        if hasattr(os, "getuid") and (
            status.st_uid != os.getuid() or status.st_mode & _OTHERS_WRITE
        ):
            raise ArtefactError(
                f"{folder} cannot hold compiled graphs: others may write to it (chmod 700 helps)"
            )
        self._folder = folder

    def find(self, key: str) -> bytes | None:
        """Return what was stored, if it is there and undamaged."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        digest, blob = content[:_DIGEST], content[_DIGEST:]
        return blob if hashlib.sha256(blob).digest() == digest else None

    def store(self, key: str, blob: bytes) -> None:
        """Write it whole or not at all; a disk that is full is no error, the graph runs anyway."""
        with (
            contextlib.suppress(OSError),
            tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file,
        ):
            try:
                file.write(hashlib.sha256(blob).digest() + blob)
                file.close()
                Path(file.name).replace(self._path(key))
            except OSError:
                Path(file.name).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.blob"


def key_of(files: Iterable[Path], *facts: str) -> str:
    """Name what is compiled from those files on this machine with those settings."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for fact in facts:
        digest.update(hashlib.sha256(fact.encode()).digest())
    return digest.hexdigest()


def usual_folder() -> Path | None:
    """The user's own folder for compiled graphs, made if missing; None where there can be none."""
    try:
        folder = user_cache("compiled")
        CompiledCache(folder)
    except (RuntimeError, ArtefactError):  # no home; not writable
        return None
    return folder
