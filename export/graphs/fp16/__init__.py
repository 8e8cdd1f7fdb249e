"""Float16 typed in the graph, and its rounding made visible where no GPU rounds."""

from export.graphs.fp16.convert import to_fp16
from export.graphs.fp16.rounding import with_visible_rounding

__all__ = ["to_fp16", "with_visible_rounding"]
