"""Arithmetic with colours: how bright one is, how well two stand apart, and what lies between them. Knows no theme."""

from __future__ import annotations

GRADIENT_STEPS = 33


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _encoded(channel: float) -> float:
    return channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def linear_channels(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue of ``#rrggbb`` as amounts of light, from 0 to 1."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def from_linear(red: float, green: float, blue: float) -> str:
    """Return the ``#rrggbb`` of amounts of light; what is beyond 0 and 1 takes the nearer end."""
    parts = (round(min(1.0, max(0.0, _encoded(max(0.0, channel)))) * 255) for channel in (red, green, blue))
    return "#" + "".join(f"{part:02x}" for part in parts)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` as WCAG defines it."""
    red, green, blue = linear_channels(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def blend(one: str, other: str, share: float) -> str:
    """Return the colour ``share`` of the way from ``one`` to ``other``, mixed in linear light."""
    red, green, blue = (a + (b - a) * share for a, b in zip(linear_channels(one), linear_channels(other), strict=True))
    return from_linear(red, green, blue)


def make_gradient(*stops: str) -> tuple[str, ...]:
    """Return ``GRADIENT_STEPS`` colours from the first of two or more stops to the last."""
    spans = len(stops) - 1
    colours = []
    for step in range(GRADIENT_STEPS):
        position = step * spans / (GRADIENT_STEPS - 1)
        at = min(spans - 1, int(position))
        colours.append(blend(stops[at], stops[at + 1], position - at))
    return tuple(colours)
