"""Houses along the street: bays of windows, shops, doors, balconies and roofs."""

from ocrnet.scenes.camera import Camera, Face
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import GLASS, LIT, MASONRY, PAINTS, pick
from ocrnet.scenes.dice import Dice
from ocrnet.scenes.layout import Segment
from ocrnet.scenes.rows import courses, end, front
from ocrnet.scenes.weather import Colour

_DEEP = 30.0  # metres from the street backwards: further than the picture shows
_Part = tuple[float, float, float, float]  # left, low, right, high on a face


def building(c: Canvas, dice: Dice, camera: Camera, row: Segment) -> None:
    """One house; windows and everything else on it belong to it."""
    c.go_to((row.near + min(row.far, 2 * row.near)) / 2)
    plaster = pick(dice, MASONRY)
    lit = shade(plaster, c.weather.facing(row.side))
    dim = shade(plaster, 0.86)
    gable, face = end(camera, row, _DEEP, 0, row.tall), front(camera, row, 0, row.tall)
    long = row.far - row.near
    _roof(c, dice, camera, row)
    c.polygon(gable.patch(), "building", dim)
    c.polygon(face.patch(), "building", lit)
    if dice.chance(0.4) and row.near < 30:
        c.hairs(courses(face, long, row.tall, (1e9, 0.3)), shade(lit, 0.86))
    glass = shade(GLASS, dice.uniform(0.6, 1.7))
    frame = shade(dice.choice([(214, 210, 202), (96, 84, 74), plaster]), dice.uniform(0.8, 1.1))
    storey, bay = dice.uniform(2.7, 3.4), dice.uniform(2.0, 3.2)
    size = (dice.uniform(0.4, 0.62), dice.uniform(0.46, 0.64))
    shop = dice.chance(0.45)
    _windows(c, dice, face, (long, row.tall), (bay, storey), size, (glass, frame), balconies=True)
    _windows(
        c, dice, gable, (_DEEP, row.tall), (bay, storey), size, (glass, frame), balconies=False
    )
    if row.near < 40:
        (_shop if shop else _doors)(c, dice, face, (long, row.tall))
    c.polygon(face.patch(low=1 - 0.35 / row.tall), "building", shade(lit, 1.18))
    c.polygon(face.patch(high=0.5 / row.tall), "building", shade(lit, 0.7))


def _roof(c: Canvas, dice: Dice, camera: Camera, row: Segment) -> None:
    tiles = shade(dice.choice([(140, 74, 56), (92, 86, 84), (110, 82, 66)]), dice.uniform(0.8, 1.1))
    kind = dice.random()
    if kind < 0.45:
        # A hipped roof: its slope to the street and the one that looks back at the camera.
        side, low, high = row.side, row.tall - 0.1, row.tall + dice.uniform(1.6, 3.0)
        eaves, ridge, hip = row.x - side * 0.3, row.x + side * 3, row.near + 2.5
        slope = Face(
            camera,
            (
                (eaves, low, row.near),
                (eaves, low, row.far),
                (ridge, high, row.far),
                (ridge, high, hip),
            ),
        )
        c.polygon(slope.patch(), "building", tiles)
        c.hairs(
            [(slope.point(0, k / 6), slope.point(1, k / 6)) for k in range(6)], shade(tiles, 0.8)
        )
        far_ridge, far_eaves = row.x + side * (_DEEP - 3), row.x + side * (_DEEP + 0.3)
        back = Face(
            camera,
            (
                (eaves, low, row.near),
                (far_eaves, low, row.near),
                (far_ridge, high, hip),
                (ridge, high, hip),
            ),
        )
        c.polygon(back.patch(), "building", shade(tiles, 0.85))
    if kind < 0.7:
        stack = front(camera, row, row.tall, row.tall + dice.uniform(1.2, 2.6))
        u = dice.uniform(0.1, 0.8)
        c.polygon(stack.patch(u, 0, u + 0.8 / (row.far - row.near)), "building", shade(tiles, 0.8))


def _windows(
    c: Canvas,
    dice: Dice,
    face: Face,
    span: tuple[float, float],
    bay_storey: tuple[float, float],
    size: tuple[float, float],
    glass_frame: tuple[Colour, Colour],
    *,
    balconies: bool,
) -> None:
    across = [x for x, _ in face.patch()]
    if max(across) < 0 or min(across) > c.width:
        return
    long, tall = span
    bay, storey = bay_storey
    frames: list[_Part] = []
    panes: list[_Part] = []
    lit: list[_Part] = []
    rails: list[_Part] = []
    sills: list[_Part] = []
    share = dice.uniform(0.15, 0.6) * c.weather.dark
    balcony = balconies and dice.chance(0.3)
    bays, storeys = max(int(long / bay), 1), max(int((tall - 3.4) / storey), 0)
    for level in range(storeys):
        low = (3.4 + level * storey) / tall
        high = low + size[1] * storey / tall
        for k in range(bays):
            middle, half = (k + 0.5) / bays, size[0] * bay / long / 2
            frames.append((middle - half, low, middle + half, high))
            inset, rim = half * 0.86, 0.08 * (high - low)
            pane = (middle - inset, low + rim, middle + inset, high - rim)
            (lit if dice.chance(share) else panes).append(pane)
            below = low - 0.1 / tall
            sills.append((middle - half * 1.15, below, middle + half * 1.15, low))
            if balcony and k % 2:
                rails.append((middle - half * 1.6, low - 0.02, middle + half * 1.6, low + 1 / tall))
    glass, frame = glass_frame
    c.polygons(face.patches(frames), "building", frame)
    c.polygons(face.patches(panes), "building", glass)
    c.polygons(face.patches(lit), "building", shade(LIT, dice.uniform(0.7, 1.0)), glows=True)
    c.polygons(face.patches(sills), "building", shade(frame, 0.72))
    c.polygons(face.patches(rails), "building", shade(glass, 0.6))


def _shop(c: Canvas, dice: Dice, face: Face, span: tuple[float, float]) -> None:
    long, tall = span
    awning = shade(pick(dice, PAINTS), 0.9)
    count = max(int(long / 3.2), 1)
    bright = dice.chance(0.7) and c.weather.dark
    panes = [
        face.patch((k + 0.08) / count, 0.5 / tall, (k + 0.92) / count, 2.5 / tall)
        for k in range(count)
    ]
    c.polygons(panes, "building", shade(LIT, 0.85) if bright else shade(GLASS, 0.7), bright)
    c.polygon(face.patch(0.02, 2.5 / tall, 0.98, 3.1 / tall), "building", awning)
    letters = [
        face.patch(u, 2.66 / tall, u + 0.05, 2.94 / tall) for u in (0.3, 0.37, 0.44, 0.55, 0.62)
    ]
    c.polygons(letters, None, (232, 226, 210), bright)


def _doors(c: Canvas, dice: Dice, face: Face, span: tuple[float, float]) -> None:
    long, tall = span
    u = dice.uniform(0.1, 0.7)
    c.polygon(face.patch(u, 0, u + 1.5 / long, 2.5 / tall), "building", (206, 200, 190))
    door = face.patch(u + 0.15 / long, 0, u + 1.35 / long, 2.35 / tall)
    c.polygon(door, "building", shade(pick(dice, PAINTS), 0.7))
    count = max(int(long / 2.8), 1)
    panes = [
        face.patch((k + 0.25) / count, 1.0 / tall, (k + 0.7) / count, 2.4 / tall)
        for k in range(count)
        if not u - 0.7 / count < k / count < u + 1.5 / long
    ]
    c.polygons(panes, "building", shade(GLASS, dice.uniform(0.7, 1.3)))
