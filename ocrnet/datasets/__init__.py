"""Labelled pictures to judge a model by: drawn scenes, and published data sets."""

from ocrnet.datasets.dataset import Dataset, Example
from ocrnet.datasets.folder import open_dataset
from ocrnet.datasets.synthetic import SyntheticScenes

__all__ = ["Dataset", "Example", "SyntheticScenes", "open_dataset"]
