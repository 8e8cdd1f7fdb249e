"""Where pulled checkpoints lie, and which file is the published one."""

from pathlib import Path

from ocrnet.process import user_cache
from ocrnet.zoo import ModelSpec


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/ocrnet/checkpoints`, else `~/.cache/ocrnet/checkpoints`."""
    return user_cache("checkpoints")


def cached_checkpoint(spec: ModelSpec) -> Path:
    """Where a model's checkpoint lies once it is pulled."""
    return cache_folder() / spec.checkpoint.file_name


def is_published(spec: ModelSpec, sha256: str) -> bool:
    """Whether a file with that SHA-256 is the one at the model's published URL.

    By the digits in the published file name, or, where the publisher stripped the file after naming
    it or named it without, because `pull` received just this file from that URL.
    """
    digits, url = spec.checkpoint.digits, spec.checkpoint.url
    if not url:
        return False
    if digits and sha256.startswith(digits):
        return True
    origin = origin_record(cached_checkpoint(spec))
    return origin.is_file() and origin.read_bytes().split() == [sha256.encode(), url.encode()]


def origin_record(path: Path) -> Path:
    """Beside a file that was downloaded, not put there by hand: its SHA-256 and URL."""
    return path.with_name(path.name + ".origin")
