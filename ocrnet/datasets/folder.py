"""A published data set from the folder that it was unpacked to."""

from collections.abc import Callable
from pathlib import Path

from ocrnet.datasets.ade20k import ade20k_pairs
from ocrnet.datasets.cityscapes import cityscapes_pairs
from ocrnet.datasets.dataset import Dataset
from ocrnet.datasets.pairs import Pair, PairedFiles
from ocrnet.datasets.voc12 import voc12_pairs
from ocrnet.errors import InputError

_LAYOUTS: dict[str, Callable[[Path, str, int | None], list[Pair]]] = {
    "cityscapes": cityscapes_pairs,
    "ade20k": ade20k_pairs,
    "voc12": voc12_pairs,
}


def open_dataset(
    spec_dataset: str, folder: Path, split: str = "val", limit: int | None = None
) -> Dataset:
    """Find the pictures of a data set and their label maps; none of them is read yet.

    spec_dataset: as `ModelSpec.dataset`. limit: only so many, the first ones; what is missing after
    them is not noticed. The order is that of the names.

    Raises InputError for an unknown data set or split, a folder that is missing or laid out
    otherwise, and a picture without its label map; ValueError for a limit below 1. Iterating raises
    InputError for a file that does not decode, for sizes that differ and for values that no label
    map of the data set has.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"a limit is at least 1, not {limit}")
    if spec_dataset not in _LAYOUTS:
        known = ", ".join(_LAYOUTS)
        raise InputError(f"no data set is called {spec_dataset!r}; there are {known}")
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} to read {spec_dataset} from")
    return PairedFiles(spec_dataset, _LAYOUTS[spec_dataset](folder, split, limit))
