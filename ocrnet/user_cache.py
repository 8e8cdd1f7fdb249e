"""Where a user's downloads and compiled graphs lie."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """`$XDG_CACHE_HOME/ocrnet/NAME`, else `~/.cache/ocrnet/NAME`; RuntimeError without a home."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ocrnet" / name
