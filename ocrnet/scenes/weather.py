"""The hour and the weather: light, sun, fog and rain of one scene."""

from dataclasses import dataclass

from ocrnet.scenes.dice import Dice

Colour = tuple[float, float, float]

_DAY: list[Colour] = [(88, 136, 205), (120, 160, 214), (70, 112, 176)]
_OVERCAST: list[Colour] = [(150, 158, 168), (186, 190, 196), (128, 136, 150)]
_DUSK: list[Colour] = [(70, 74, 118), (104, 92, 128), (52, 66, 110)]
_NIGHT: list[Colour] = [(14, 18, 34), (24, 26, 40), (34, 32, 44)]


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (a + (b - a) * share for a, b in zip(colour, other, strict=True))
    return red, green, blue


@dataclass(frozen=True)
class Weather:
    """light: what a colour is multiplied by; sky_top, sky_low, fog: colours as they are seen.

    sun: metres that a shadow reaches to the right and ahead per metre of height; None: no sun.
    visibility: metres where half of a thing is lost in haze. dark: lamps and windows are lit.
    """

    light: Colour
    sky_top: Colour
    sky_low: Colour
    fog: Colour
    sun: tuple[float, float] | None
    visibility: float
    dark: bool
    cloudy: bool
    rain: bool

    @classmethod
    def draw(cls, dice: Dice) -> "Weather":
        """A random hour and weather."""
        hour = dice.random()
        bright = dice.uniform(0.85, 1.1)
        sun: tuple[float, float] | None = None
        light: Colour
        if hour < 0.42:
            light, low = (1.04, 1.0, 0.94), (206.0, 218.0, 230.0)
            top = dice.choice(_DAY)
            sun = (dice.sign() * dice.uniform(0.35, 1.6), dice.uniform(-0.5, 1.0))
        elif hour < 0.68:
            light, low = (0.82, 0.84, 0.87), (208.0, 212.0, 216.0)
            top = dice.choice(_OVERCAST)
        elif hour < 0.84:
            light, low = (0.72, 0.58, 0.55), (226.0, 160.0, 118.0)
            top = dice.choice(_DUSK)
            sun = (dice.sign() * dice.uniform(1.2, 2.4), dice.uniform(-0.3, 1.2))
        else:
            light, low = (0.5, 0.5, 0.6), (64.0, 58.0, 66.0)
            top = dice.choice(_NIGHT)
        rain = sun is None and dice.chance(0.45)
        foggy = dice.chance(0.12 if sun else 0.35)
        return cls(
            light=_mix(light, (0.0, 0.0, 0.0), 1 - bright),
            sky_top=_mix(top, low, 0.6) if foggy else top,
            sky_low=low,
            fog=_mix(low, (0.0, 0.0, 0.0), 0.06),
            sun=None if foggy else sun,
            visibility=dice.uniform(28, 90) if foggy else dice.uniform(300, 900),
            dark=hour >= 0.72,
            cloudy=dice.chance(0.7) and not foggy and hour < 0.84,
            rain=rain,
        )

    def haze(self, z: float) -> float:
        """The share of the fog's colour in what is seen at distance z."""
        return z / (z + self.visibility)

    def facing(self, side: int) -> float:
        """How bright a wall on that side of the street is, -1 left and 1 right."""
        if self.sun is None:
            return 0.95
        return 1.1 if self.sun[0] * side > 0 else 0.72
