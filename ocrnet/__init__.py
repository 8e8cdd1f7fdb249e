"""OCRNet segmentation serving: the core, free of torch and of any web framework."""

__version__ = "0.1.0"
