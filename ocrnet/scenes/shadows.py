"""Shadows on the ground, all in the sun's one direction."""

from collections.abc import Sequence

from ocrnet.scenes.camera import Camera, Point
from ocrnet.scenes.ground import disc
from ocrnet.scenes.layout import Street
from ocrnet.scenes.plants import tree
from ocrnet.scenes.things import Thing
from ocrnet.scenes.weather import Weather

_NEAREST = 0.8  # metres: what falls behind the camera is cut off here


def cast(
    camera: Camera, weather: Weather, street: Street, things: Sequence[Thing]
) -> list[list[Point]]:
    """The outlines of all shadows in the picture; without sun only those right under things."""
    outlines = []
    for thing in things:
        half, z = thing.kind.half * 1.1, thing.z
        if thing.kind.deep > 1:
            # Across the street things lie on their middle, along it they begin at Z.
            near = max(z - 1.3 if half > 2 else z - 0.2, _NEAREST)
            corners = [(thing.x - half, near), (thing.x + half, near)]
            corners += [
                (thing.x + half, z + thing.kind.deep),
                (thing.x - half, z + thing.kind.deep),
            ]
            outlines.append([camera.project(x, 0, at_z) for x, at_z in corners])
        else:
            outlines.append(disc(camera, thing.x, z, half))
    if weather.sun is None:
        return outlines
    right, ahead = weather.sun
    for thing in things:
        half, tall = thing.kind.half, thing.kind.tall
        for z in (thing.z, thing.z + thing.kind.deep)[: 2 if thing.kind.deep > 1 else 1]:
            tip_x, tip_z = thing.x + right * tall, max(z + ahead * tall, _NEAREST)
            corners = [(thing.x - half, z), (thing.x + half, z)]
            corners += [(tip_x + half, tip_z), (tip_x - half, tip_z)]
            outlines.append([camera.project(x, 0, at_z) for x, at_z in corners])
        if thing.kind.paint is tree:
            tip_z = max(thing.z + ahead * tall, _NEAREST)
            outlines.append(disc(camera, thing.x + right * tall, tip_z, 1.9))
    for row in street.segments:
        if row.side * right < 0:
            # A low sun over tall houses would put the whole street in the shade.
            reach = min(row.tall, 9.0)
            corners = [(row.x, row.near), (row.x, row.far)]
            corners += [(row.x + right * reach, max(z + ahead * reach, _NEAREST))
                        for z in (row.far, row.near)]  # fmt: skip
            outlines.append([camera.project(x, 0, z) for x, z in corners])
    return outlines
