"""The PNG: a lawful file of the right size, gaps kept, every label in its font."""

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from nagare.cli.chart.font import HEIGHT, WIDTH, glyph, text_width
from nagare.cli.chart.picture import draw_picture
from nagare.cli.chart.png import encode_png
from nagare.cli.chart.raster import Raster, colour_of
from nagare.lib.units import Unit
from nagare.tui.renderables.braille_chart import Chart, Line
from nagare.tui.renderables.palette import make_palette
from nagare.tui.renderables.time_axis import TimeWindow

NOW = 1_760_000_000_000
PALETTE = make_palette("nagare-light")


def decode_png(content: bytes) -> NDArray[np.uint8]:
    """Return the pixels; written from the standard, apart from the encoder."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", (0, 0)
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", content, at + 8 + length)[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [8, 2, 0, 0, 0]
            size = (width, height)
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    width, height = size
    lines = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(height, 1 + width * 3)
    assert set(lines[:, 0]) == {2}
    return np.cumsum(lines[:, 1:], axis=0, dtype=np.uint8).reshape(height, width, 3)


def _chart(values: list[float], **more: object) -> Chart:
    ts = [NOW + 1000 * index for index in range(len(values))]
    window = TimeWindow(NOW, NOW + 1000 * (len(values) - 1), is_live=False)
    return Chart(window, (Line("web1", ts, values),), Unit.RATIO, title="cpu.busy_ratio", **more)  # type: ignore[arg-type]


def _columns_with(pixels: NDArray[np.uint8], colour: str) -> NDArray[np.intp]:
    return np.flatnonzero((pixels == colour_of(colour)).all(axis=2)[60:440].any(axis=0))


def test_the_file_reads_back_as_drawn() -> None:
    pixels = draw_picture(_chart([0.5] * 100), 1200, 500, PALETTE).pixels()
    assert pixels.shape == (500, 1200, 3)
    assert np.array_equal(decode_png(encode_png(pixels)), pixels)


def test_a_gap_stays_a_gap() -> None:
    colour = PALETTE.series_colour(0)
    values = [0.5] * 40 + [float("nan")] * 20 + [0.5] * 40
    lit = _columns_with(draw_picture(_chart(values), 1200, 500, PALETTE).pixels(), colour)
    widest = int(np.diff(lit).max())
    assert 150 < widest < 300
    whole = _columns_with(draw_picture(_chart([0.5] * 100), 1200, 500, PALETTE).pixels(), colour)
    assert int(np.diff(whole).max()) == 1


def test_a_spike_is_as_high_as_it_was() -> None:
    values = [0.0] * 500 + [1.0] + [0.0] * 499
    pixels = draw_picture(_chart(values), 600, 300, PALETTE).pixels()
    rows = np.flatnonzero((pixels == colour_of(PALETTE.series_colour(0))).all(axis=2)[:, 90:].any(axis=1))
    assert rows.max() - rows.min() > 150


@pytest.mark.parametrize("values", [[], [0.5], [float("nan")], [float("inf"), 0.2], [1e308, -1e308]])
def test_strange_samples_draw_something(values: list[float]) -> None:
    chart = Chart(TimeWindow(NOW, NOW + 60_000), (Line("x", [NOW] * len(values), values),), Unit.COUNT, title="t" * 500)
    assert draw_picture(chart, 240, 160, PALETTE).pixels().shape == (160, 240, 3)


def test_many_lines_keep_the_size() -> None:
    lines = tuple(Line(f"a rather long name {index}", [NOW, NOW + 1000], [index, index]) for index in range(20))
    chart = Chart(TimeWindow(NOW, NOW + 1000), lines, Unit.BYTES, title="many")
    assert draw_picture(chart, 400, 200, PALETTE).pixels().shape == (200, 400, 3)


def test_every_label_has_its_glyphs() -> None:
    box = glyph("\N{SNOWMAN}")
    needed = [chr(code) for code in range(0x20, 0x7F)] + list("°µ·–…")
    shapes = {character: glyph(character).tobytes() for character in needed}
    assert all(shape != box.tobytes() for shape in shapes.values())
    assert len(set(shapes.values())) == len(needed), "two characters look alike"
    assert glyph("A").shape == (HEIGHT, WIDTH)
    assert text_width("", 2) == 0


def test_what_lies_outside_is_left_out() -> None:
    raster = Raster(20, 20, "#ffffff")
    raster.text(-5, 15, "Wide text", "#000000")
    raster.fill(-10, -10, 100, 12, "#ff0000")
    raster.line(np.array([-50.0, 50.0]), np.array([-50.0, 50.0]), "#00ff00")
    assert raster.pixels().shape == (20, 20, 3)
