"""OCRNet segmentation serving: the core, free of torch and of any web framework."""

from ocrnet.process import switch_off_telemetry

__version__ = "0.1.0"

switch_off_telemetry()
