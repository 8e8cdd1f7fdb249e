"""What a segmentation can be sent or saved as; `answer.py` chooses among them."""

from ocrnet.formats.answer import FORMATS, AnswerOptions, Format, FormatName, render

__all__ = ["FORMATS", "AnswerOptions", "Format", "FormatName", "render"]
