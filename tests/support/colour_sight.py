"""How colours look to eyes without green cones, and how far apart two of them are.

Deuteranopia is simulated by the matrix of Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
Deficiency", IEEE Transactions on Visualization and Computer Graphics 15(6), 2009, for the full severity, on linear light. Distance is
that of CIE 1976 in L*a*b* under D65: 2.3 is just noticeable, 10 is seen at a glance.
"""

import math

from nagare.tui.renderables.colour_math import from_linear, linear_channels

_DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
# sRGB with the white of D65 to XYZ, each row divided by that of white.
_XYZ = ((0.433953, 0.376219, 0.189828), (0.212673, 0.715152, 0.072175), (0.017756, 0.109468, 0.872776))


def without_green(colour: str) -> str:
    """Return ``#rrggbb`` as eyes without green cones see it."""
    light = linear_channels(colour)
    red, green, blue = (
        sum(share * channel for share, channel in zip(row, light, strict=True)) for row in _DEUTERANOPIA
    )
    return from_linear(red, green, blue)


def distance(one: str, other: str) -> float:
    """Return how far apart two colours look (delta E of CIE 1976)."""
    return math.dist(_lab(one), _lab(other))


def _lab(colour: str) -> tuple[float, float, float]:
    light = linear_channels(colour)
    x, y, z = (_root(sum(share * channel for share, channel in zip(row, light, strict=True))) for row in _XYZ)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(amount: float) -> float:
    return amount ** (1 / 3) if amount > (6 / 29) ** 3 else amount / (3 * (6 / 29) ** 2) + 4 / 29
