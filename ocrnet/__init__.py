"""OCRNet segmentation serving: the core, free of torch and of any web framework."""

from ocrnet.telemetry import switch_off

__version__ = "0.1.0"

switch_off()
