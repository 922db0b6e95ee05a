"""A picture in memory: rectangles, lines and text into an array of pixels. It knows nothing of charts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nagare.cli.chart.font import ADVANCE, HEIGHT, glyph

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]
# Drawn twice as large and halved at the end: edges come out smooth.
_OVERSAMPLING = 2


def colour_of(text: str) -> Colour:
    """Return the channels of ``#rrggbb``."""
    value = int(text.removeprefix("#"), 16)
    return value >> 16 & 255, value >> 8 & 255, value & 255


class Raster:
    """A picture of ``width`` by ``height`` pixels, one colour at first; coordinates start at the upper left."""

    def __init__(self, width: int, height: int, background: str) -> None:
        """Make the picture."""
        self.width = width
        self.height = height
        self._pixels: Pixels = np.empty((height * _OVERSAMPLING, width * _OVERSAMPLING, 3), dtype=np.uint8)
        self._pixels[:] = colour_of(background)

    def fill(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Fill a rectangle; what lies outside is left out."""
        x, y = max(0, round(left * _OVERSAMPLING)), max(0, round(top * _OVERSAMPLING))
        right, bottom = round((left + width) * _OVERSAMPLING), round((top + height) * _OVERSAMPLING)
        if right > x and bottom > y:
            self._pixels[y:bottom, x:right] = colour_of(colour)

    def text(self, left: float, top: float, text: str, colour: str, scale: int = 2) -> None:
        """Write one line of ``text`` with its upper left at the point, ``scale`` pixels a dot."""
        size = scale * _OVERSAMPLING
        x, y = round(left * _OVERSAMPLING), round(top * _OVERSAMPLING)
        for index, character in enumerate(text):
            dots = np.kron(glyph(character), np.ones((size, size), dtype=np.bool_))
            self._stamp(dots, x + index * ADVANCE * size, y, colour)

    def line(self, xs: NDArray[np.float64], ys: NDArray[np.float64], colour: str, thickness: float = 2.0) -> None:
        """Draw a line through the points; a single point is a dot."""
        if not xs.size:
            return
        along_x, along_y = _walk(xs * _OVERSAMPLING, ys * _OVERSAMPLING)
        radius = thickness * _OVERSAMPLING / 2
        reach = int(np.ceil(radius))
        around = np.arange(-reach, reach + 1)
        offset_x, offset_y = np.meshgrid(around, around)
        disc = offset_x**2 + offset_y**2 <= radius**2
        columns = (np.rint(along_x).astype(np.int64)[:, None] + offset_x[disc][None, :]).ravel()
        rows = (np.rint(along_y).astype(np.int64)[:, None] + offset_y[disc][None, :]).ravel()
        height, width = self._pixels.shape[:2]
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        self._pixels[rows[inside], columns[inside]] = colour_of(colour)

    def pixels(self) -> Pixels:
        """Return the finished picture."""
        size = _OVERSAMPLING
        blocks = self._pixels.reshape(self.height, size, self.width, size, 3)
        halved: Pixels = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
        return halved

    def _stamp(self, dots: NDArray[np.bool_], x: int, y: int, colour: str) -> None:
        height, width = self._pixels.shape[:2]
        rows, columns = np.nonzero(dots)
        rows, columns = rows + y, columns + x
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        self._pixels[rows[inside], columns[inside]] = colour_of(colour)


def text_height(scale: int = 2) -> int:
    """Return the pixels of a line of text at ``scale`` pixels a dot."""
    return HEIGHT * scale


def _walk(xs: NDArray[np.float64], ys: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points no more than one pixel apart along the line."""
    if xs.size == 1:
        return xs, ys
    steps = np.maximum(1, np.ceil(np.maximum(np.abs(np.diff(xs)), np.abs(np.diff(ys))))).astype(np.int64)
    at = np.concatenate(([0], np.cumsum(steps)))
    position = np.arange(at[-1] + 1)
    return np.interp(position, at, xs), np.interp(position, at, ys)
