"""What a model is scored on: drawn scenes, or a data set from its folder."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ocrnet.datasets import Example, SyntheticScenes, open_dataset
from ocrnet.datasets.pairs import Pair, PairedFiles
from ocrnet.errors import InputError
from ocrnet.zoo import DATASETS, ModelSpec, Size


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures in an order that is the same every time.

    title: in words. facts: all that says which pictures these are, as JSON has it. start:
    yields the examples from that number on, counted from 0; it may be asked for no number past the
    last.
    """

    title: str
    facts: dict[str, Any]
    count: int
    start: Callable[[int], Iterator[Example]]

    def after(self, done: int) -> Iterator[Example]:
        """Yield all but the first `done`, none of which is read; raises OcrnetError, OSError."""
        return self.start(done) if done < self.count else iter(())


def synthetic_scenes(spec: ModelSpec, first_seed: int, count: int, size: Size) -> Pictures:
    """Scenes of seeds `first_seed` to `first_seed + count - 1`, drawn when they are asked for.

    Raises InputError for a model that does not have their classes, those of Cityscapes.
    """
    if spec.dataset != "cityscapes":
        raise InputError(
            f"{spec.name} knows the classes of {DATASETS[spec.dataset]}, drawn scenes have those "
            "of Cityscapes: name a folder of its data set with --data"
        )
    return Pictures(
        f"drawn scenes {first_seed} to {first_seed + count - 1} of {size}",
        {"data_set": "drawn scenes", "seed": first_seed, "count": count, "size": str(size)},
        count,
        lambda done: iter(SyntheticScenes(first_seed + done, count - done, size)),
    )


def data_set(spec: ModelSpec, folder: Path, split: str, limit: int | None) -> Pictures:
    """The first `limit` pictures, or all, of a split of the model's own data set.

    Raises InputError as `open_dataset` does.
    """
    data = open_dataset(spec.dataset, folder, split, limit)
    assert isinstance(data, PairedFiles)
    name, pairs = DATASETS[spec.dataset], data.pairs
    facts = {
        "data_set": spec.dataset,
        "folder": str(folder.resolve()),
        "split": split,
        "count": len(pairs),
        "files_sha256": _digest(pairs),
    }
    return Pictures(
        f"{len(pairs)} pictures of {name} {split}",
        facts,
        len(pairs),
        lambda done: iter(replace(data, pairs=pairs[done:])),
    )


def _digest(pairs: Sequence[Pair]) -> str:
    """Of names and sizes: it tells two folders apart and reads no file."""
    digest = hashlib.sha256()
    for pair in pairs:
        sizes = (path.stat().st_size for path in (pair.image, pair.labels))
        digest.update(repr((pair.name, pair.labels.name, *sizes)).encode())
    return digest.hexdigest()
