"""A data set's classes and colours to look at, and to load into other tools."""

import csv
from io import BytesIO, StringIO

from PIL import Image, ImageDraw, ImageFont

from ocrnet.zoo.spec import Labels

_ROWS = 30
_ROW, _SWATCH, _GAP, _TEXT = 28, 20, 8, 16


def legend_png(labels: Labels) -> bytes:
    """Draw a swatch, the index and the name of every class, in columns of 30."""
    font = ImageFont.load_default(_TEXT)
    lines = [f"{index} {name}" for index, name in enumerate(labels.names)]
    text_width = max(int(font.getlength(line)) + 1 for line in lines)
    column = _GAP + _SWATCH + _GAP + text_width + _GAP
    rows, columns = min(len(lines), _ROWS), -(-len(lines) // _ROWS)
    picture = Image.new("RGB", (columns * column, rows * _ROW + _GAP), "white")
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        left, top = index // _ROWS * column + _GAP, index % _ROWS * _ROW + _GAP
        colour = tuple(labels.colours[index].tolist())
        draw.rectangle((left, top, left + _SWATCH, top + _SWATCH), colour, "black")
        at = (left + _SWATCH + _GAP, top + _SWATCH // 2)
        draw.text(at, line, "black", font, anchor="lm")
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def palette_csv(labels: Labels) -> str:
    """Write index, name, r, g, b and, where the data set has one, label_id: one class a line."""
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    own = labels.label_ids is not None
    rows.writerow(["index", "name", "r", "g", "b", *(["label_id"] if own else [])])
    for index, name in enumerate(labels.names):
        ids = [] if labels.label_ids is None else [int(labels.label_ids[index])]
        rows.writerow([index, name, *labels.colours[index].tolist(), *ids])
    return text.getvalue()
