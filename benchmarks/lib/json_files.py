"""JSON files that are written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, content: dict[str, Any], *, indent: int | None = 1) -> None:
    """Put the content in the place of what is there; raises OSError.

    indent: None for one line. The folder is made if it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8")
    part.replace(path)


def read_json(path: Path) -> Any:
    """Return what the file holds; raises OSError, and ValueError for what is no JSON."""
    return json.loads(path.read_text(encoding="utf-8"))
