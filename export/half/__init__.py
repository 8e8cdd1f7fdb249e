"""Float16 typed in the graph, and its rounding made visible where no GPU rounds."""

from export.half.convert import to_half
from export.half.rounding import with_visible_rounding

__all__ = ["to_half", "with_visible_rounding"]
