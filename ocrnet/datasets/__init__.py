"""Labelled pictures to judge a model by: drawn scenes, and published data sets."""

from ocrnet.datasets.base import Dataset, Example
from ocrnet.datasets.drawn import DrawnScenes
from ocrnet.datasets.folder import open_dataset

__all__ = ["Dataset", "DrawnScenes", "Example", "open_dataset"]
