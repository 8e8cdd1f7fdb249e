"""Which classes and functions a checkpoint names, read from its pickles without running them."""

import pickletools
import zipfile
import zlib
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_ZIP_MAGIC = b"PK\x03\x04"
# Files of before torch 1.6: magic number, version, machine, content, keys of the storages.
_LEGACY_PICKLES = 5
# What reading a damaged file can raise.
_DAMAGED = (
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    LookupError,
    zipfile.BadZipFile,
    zlib.error,
)


def pickled_names(path: Path) -> list[str]:
    """Return them as `module.name`, each once, in the order of the file.

    A damaged file ends the list early: whatever loads the file says what is wrong with it. Only the
    opcode GLOBAL counts, as torch's restricted unpickler knows no other that names anything.
    """
    names: dict[str, None] = {}
    try:
        for name in _read(path):
            names[name] = None
    except _DAMAGED:
        pass
    return list(names)


def _read(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        if file.read(len(_ZIP_MAGIC)) != _ZIP_MAGIC:
            file.seek(0)
            for _ in range(_LEGACY_PICKLES):
                yield from _names_in(file)
            return
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.split("/")[-1] == "data.pkl":
                with archive.open(member) as pickled:
                    yield from _names_in(pickled)


def _names_in(file: IO[bytes]) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "GLOBAL":
            module, _, name = str(argument).partition(" ")
            # Pickles for Python 2, which torch.save still writes, have its names.
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            yield f"{IMPORT_MAPPING.get(module, module)}.{name}"
