"""The models and their facts."""

from ocrnet.zoo.spec import DATASETS, Labels, ModelSpec, Size, get_spec, load_labels, load_zoo

__all__ = ["DATASETS", "Labels", "ModelSpec", "Size", "get_spec", "load_labels", "load_zoo"]
