"""Which pictures a command line means, and where each one's answer goes."""

import errno
import glob
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ocrnet.formats import FORMATS

_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp"})
_ANSWERS = tuple(entry.suffix for entry in FORMATS.values() if entry.suffix.endswith(".png"))
STDIN = "-"


@dataclass(frozen=True)
class Source:
    """One picture. path: None is standard input. inside: its place below the folder named."""

    name: str
    path: Path | None
    inside: Path

    def read(self) -> bytes:
        """Return the file's bytes; raises OSError."""
        if self.path is not None:
            return self.path.read_bytes()
        # Unbuffered: a thread that still waits in sys.stdin's lock when the program ends aborts it.
        if sys.stdin is None:  # it was closed before we began
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
            return stdin.read()


def find_sources(arguments: Sequence[str], output: Path | None) -> list[Source]:
    """Expand files, folders (with all below), patterns and `-`; each file once, in order.

    Of a folder, JPEG, PNG and WebP files count by their names; hidden ones and those in the output
    folder are passed over. So are, in folders and patterns, files named as earlier answers. A file
    named outright is always taken; whether it, or any that a pattern means, exists shows when it is
    read.
    """
    found: dict[str, Source] = {}
    for argument in arguments:
        for source in _expand(argument, output):
            key = STDIN if source.path is None else str(source.path.absolute())
            found.setdefault(key, source)
    return list(found.values())


def _expand(argument: str, output: Path | None) -> list[Source]:
    if argument == STDIN:
        return [Source("stdin", None, Path("stdin"))]
    if not argument:  # Path("") would be the folder here: an unset variable of the shell
        return []
    path = Path(argument)
    if path.is_dir():
        return [
            Source(str(file), file, file.relative_to(path)) for file in _in_folder(path, output)
        ]
    if not path.exists() and glob.has_magic(argument):
        matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207  # absolute patterns too
        files = [f for f in matches if f.is_file() and not f.name.endswith(_ANSWERS)]
        if files or matches:
            return [Source(str(file), file, Path(file.name)) for file in files]
    return [Source(argument, path, Path(path.name))]


def _in_folder(folder: Path, output: Path | None) -> list[Path]:
    skipped = output.resolve() if output is not None else None
    files = []
    for parent, names, file_names in os.walk(folder):
        here = Path(parent)
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".") and (here / name).resolve() != skipped
        )
        files += [
            here / name
            for name in sorted(file_names)
            if Path(name).suffix.lower() in _SUFFIXES
            and not name.startswith(".")
            and not name.endswith(_ANSWERS)
        ]
    return files


def targets(sources: Sequence[Source], output: Path, suffix: str) -> list[Path]:
    """Return where each answer goes: `<output>/<place in its folder>/<stem><suffix>`.

    Where two would have one name (a.jpg and a.png), both keep their full file names; what still
    clashes gets a number.
    """
    short = [output / source.inside.with_suffix("") for source in sources]
    shared = Counter(short)
    taken: Counter[Path] = Counter()
    paths = []
    for source, stem in zip(sources, short, strict=True):
        chosen = output / source.inside if shared[stem] > 1 else stem
        taken[chosen] += 1
        number = f".{taken[chosen]}" if taken[chosen] > 1 else ""
        paths.append(chosen.with_name(f"{chosen.name}{number}{suffix}"))
    return paths
