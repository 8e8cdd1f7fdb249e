"""Artefacts take their place whole or not at all: a new folder, then a rename."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from export.evaluation.report import INT8_SUFFIX
from ocrnet.artefacts import MANIFEST_SUFFIX

# The engine inspector's summary of a plan, in the place of `.plan`.
LAYERS_SUFFIX = ".layers.json"


@contextmanager
def rewriting(folder: Path, file: str) -> Iterator[Path]:
    """Yield a new folder to write the artefact `file` and its manifest into.

    At the end it takes the place of `folder`, with the other artefacts that were there; on an
    error `folder` stays as it was. What is left of an interrupted build is cleared away.
    """
    partial, old = folder.with_name("1.partial"), folder.with_name("1.old")
    if old.exists() and not folder.exists():  # stopped between the two renames
        old.rename(folder)
    for left_over in (partial, old):
        shutil.rmtree(left_over, ignore_errors=True)
    partial.mkdir(parents=True)
    # Those below are links to the old files: what is written anew must not be among them.
    beside = {".xml": ".bin", ".plan": LAYERS_SUFFIX}.get(Path(file).suffix)
    replaced = {file, file + MANIFEST_SUFFIX, file + INT8_SUFFIX}
    if beside:
        replaced.add(Path(file).stem + beside)
    if folder.exists():
        for kept in folder.iterdir():
            if kept.name not in replaced:
                os.link(kept, partial / kept.name)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
