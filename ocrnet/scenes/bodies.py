"""What every vehicle is made of: bodies in perspective with wheels, windows and lamps."""

from dataclasses import dataclass

from ocrnet.scenes.camera import Camera, Face, Place, Spot
from ocrnet.scenes.canvas import Canvas, shade
from ocrnet.scenes.details import TYRE
from ocrnet.scenes.weather import Colour


@dataclass(frozen=True)
class Heading:
    """A vehicle's middle and which way it goes: along the street or across it.

    forward: 1 goes away from the camera, or to the right when it crosses; else -1.
    """

    place: Place
    along: bool
    forward: int

    @property
    def camera(self) -> Camera:
        """The camera that looks at it."""
        return self.place.camera

    @property
    def shows_front(self) -> bool:
        """Whether the end that the camera sees is the front."""
        return self.forward < 0 if self.along else self.place.x * self.forward < 0

    def spot(self, ahead: float, aside: float, up: float) -> Spot:
        """Metres ahead of its middle, to its side and up → X, Y, Z; aside > 0 is camera-near."""
        x, z = self.place.x, self.place.z
        if self.along:
            inward = -1 if x > 0 else 1
            return x + inward * aside, up, max(z + self.forward * ahead, 0.9)
        return x + self.forward * ahead, up, max(z - aside, 0.9)


@dataclass(frozen=True)
class Body:
    """A box between two distances ahead and two heights, with sides that lean in at the top.

    slope: how far rear and front lean in; lean: how far the sides do; in metres.
    """

    rear: float
    front: float
    half: float
    low: float
    high: float
    slope: tuple[float, float] = (0.0, 0.0)
    lean: float = 0.0

    def side(self, heading: Heading) -> Face:
        """The side towards the camera; u runs from rear to front."""
        top = self.half - self.lean
        return Face(
            heading.camera,
            (
                heading.spot(self.rear, self.half, self.low),
                heading.spot(self.front, self.half, self.low),
                heading.spot(self.front - self.slope[1], top, self.high),
                heading.spot(self.rear + self.slope[0], top, self.high),
            ),
        )

    def tail(self, heading: Heading) -> Face:
        """The end towards the camera: its rear if it drives away, its front if it comes."""
        front = heading.shows_front
        at = self.front if front else self.rear
        top_at = self.front - self.slope[1] if front else self.rear + self.slope[0]
        top = self.half - self.lean
        return Face(
            heading.camera,
            (
                heading.spot(at, -self.half, self.low),
                heading.spot(at, self.half, self.low),
                heading.spot(top_at, top, self.high),
                heading.spot(top_at, -top, self.high),
            ),
        )

    def roof(self, heading: Heading) -> Face:
        """The top, which the camera sees on low vehicles."""
        top = self.half - self.lean
        rear, front = self.rear + self.slope[0], self.front - self.slope[1]
        return Face(
            heading.camera,
            (
                heading.spot(rear, -top, self.high),
                heading.spot(front, -top, self.high),
                heading.spot(front, top, self.high),
                heading.spot(rear, top, self.high),
            ),
        )


def along(place: Place, long: float) -> Heading:
    """A vehicle that keeps to the right-hand side, its nearer end at the place."""
    middle = Place(place.camera, place.x, place.z + long / 2)
    return Heading(middle, True, 1 if place.x > 0 else -1)


def shell(c: Canvas, heading: Heading, body: Body, name: str, paint: Colour) -> tuple[Face, Face]:
    """Paint a body; return its side and its end, for what is on them."""
    side, tail = body.side(heading), body.tail(heading)
    side_light = c.weather.facing(1 if heading.place.x > 0 else -1) if heading.along else 0.95
    if body.high < heading.camera.camera_height:
        c.polygon(body.roof(heading).patch(), name, shade(paint, 1.12))
    # The nearer face comes last: the end of what drives along, the side of what crosses.
    faces = [(side, side_light), (tail, 0.95 if heading.along else 0.8)]
    for face, light in faces if heading.along else reversed(faces):
        c.polygon(face.patch(), name, shade(paint, light))
    return side, tail


def wheels(
    c: Canvas, heading: Heading, body: Body, at: tuple[float, ...], radius: float, name: str
) -> None:
    """Wheels on the side towards the camera, and the two under the end; `at` metres ahead."""
    long = body.front - body.rear
    ground = Body(body.rear, body.front, body.half, 0, 2 * radius)
    if heading.along:
        tail = ground.tail(heading)
        wide = 0.12
        for left in (0.02, 0.98 - wide):
            c.polygon(tail.patch(left, 0, left + wide, 0.7), name, TYRE)
    side = ground.side(heading)
    circle = [(0, -1), (0.5, -0.87), (0.87, -0.5), (1, 0), (0.87, 0.5), (0.5, 0.87), (0, 1),
              (-0.5, 0.87), (-0.87, 0.5), (-1, 0), (-0.87, -0.5), (-0.5, -0.87)]  # fmt: skip
    for place in at:
        middle = (place - body.rear) / long
        for size, colour in ((1.0, TYRE), (0.56, (142, 142, 144)), (0.2, (60, 60, 62))):
            outline = [
                side.point(middle + u * size * radius / long, 0.5 + v * size / 2) for u, v in circle
            ]
            c.polygon(outline, name, colour)


def lamps(c: Canvas, tail: Face, heading: Heading, low: float, high: float, wide: float) -> None:
    """Headlamps or tail lamps at both edges of an end; they glow in the dark."""
    colour: Colour = (244, 242, 220) if heading.shows_front else (205, 24, 22)
    glows = c.weather.dark
    c.polygon(tail.patch(0.03, low, 0.03 + wide, high), None, colour, glows)
    c.polygon(tail.patch(0.97 - wide, low, 0.97, high), None, colour, glows)
