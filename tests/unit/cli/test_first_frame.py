"""What stands on the screen before the dashboard is loaded, as a terminal shows it."""

import pytest
from pyghostty import Terminal

from nagare.cli.supervision.first_frame import first_frame


def _shown(location: str | None, columns: int, lines: int, *, ascii_only: bool = False) -> list[str]:
    terminal = Terminal(columns, lines)
    terminal.feed(first_frame(location, columns, lines, ascii_only=ascii_only).encode())
    return [line.rstrip() for line in str(terminal.text()).splitlines()]


def test_it_says_where_it_goes_and_that_it_is_opened() -> None:
    shown = _shown("hosts/web-1?t=1h", 80, 24)
    assert shown[0] == " nagare ▸ hosts ▸ web-1"
    assert shown[12].strip() == "opening…"
    assert _shown(None, 80, 24)[0] == " nagare ▸ overview"


def test_in_ascii_nothing_else_stands_there() -> None:
    shown = "".join(_shown("hosts/wéb-1", 80, 24, ascii_only=True))
    assert shown.isascii()
    assert " nagare > hosts > w?b-1" in shown


@pytest.mark.parametrize(("columns", "lines"), [(39, 9), (8, 2), (1, 1)])
def test_it_fits_whatever_terminal_there_is(columns: int, lines: int) -> None:
    shown = _shown("hosts/a-host-with-a-name-that-is-quite-long", columns, lines)
    assert len(shown) <= lines
    assert all(len(line) <= columns for line in shown)
    assert shown[0].startswith(" nagare"[: columns - 1])


def test_what_was_typed_is_text_and_nothing_else() -> None:
    assert "\x1b]0;" not in first_frame("hosts/\x1b]0;title\x07", 80, 24, ascii_only=False)
