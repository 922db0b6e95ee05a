"""``nagare top`` in a terminal of its own: every screen at every size, without a server, with one, and when it is gone."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nagare.lib.names import check_host
from nagare.tui.actions import ACTIONS
from tests.support.processes import collecting, nagare_argv, serving
from tests.support.pty_screen import PtyScreen, on_pty

HOST = check_host(os.uname().nodename)
SIZES = ((80, 24), (120, 40), (200, 60))
# Below the smallest: one panel, and in the last the counts and the worst host alone.
FLOORS = ((79, 23), (39, 9))
# From the table, so that a screen with a digit is walked through from the day on which it has one.
SCREENS = tuple(
    (action.keys[0], action.id.removeprefix("screen."))
    for action in ACTIONS.values()
    if action.id.startswith("screen.") and action.keys and action.keys[0].isdigit()
)


def _walk(screen: PtyScreen, columns: int, rows: int, *, is_known: bool = True) -> Iterator[tuple[str, str]]:
    """Go to every screen by its digit, and return its name with what it shows once it is whole."""
    for digit, name in SCREENS:
        if name == "host" and not is_known:
            continue
        crumb = f"▸ hosts ▸ {HOST[:8]}" if name == "host" else f"▸ {name}"
        screen.press(digit)
        shown = screen.wait_for(partial(_is_whole, crumb=crumb, columns=columns, rows=rows))
        yield name, shown
        if name == "query" and (columns, rows) != FLOORS[-1]:
            # Letters are text there, and a key right after Escape would read as Alt and that key.
            screen.wait_for("F1 Help")
            screen.press("\x1b")
            screen.wait_for(lambda text: "▸ query" not in text and "? Help" in text)


def _is_whole(text: str, crumb: str, columns: int, rows: int) -> bool:
    """Tell whether header, body and footer of the screen stand where they belong, and nothing is a skeleton any more."""
    lines = text.splitlines()
    if len(lines) != rows or not lines[0].startswith(" nagare ▸") or crumb not in lines[0]:
        return False
    is_footed = lines[-1].rstrip().endswith(" Quit") and " Help " in lines[-1]
    body = [line for line in lines[1:-1] if any(letter.isalnum() for letter in line)]
    return is_footed and bool(body) and "▒▒▒" not in text and all(len(line) <= columns for line in lines)


def _check(shown: dict[str, str]) -> None:
    for name, text in shown.items():
        assert "Traceback" not in text, text
        assert "a bug in Nagare" not in text, text
        assert name in {screen for _, screen in SCREENS}


def test_every_screen_at_every_size_and_in_every_state(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with on_pty(nagare_argv("--data", data, "top"), *SIZES[0]) as screen:
        screen.wait_for("no server")
        _check(dict(_walk(screen, *SIZES[0], is_known=False)))
        screen.press("1")
        with serving(data), collecting(data):
            screen.wait_for("● 1")
            for columns, rows in (*SIZES, *FLOORS):
                screen.resize(columns, rows)
                _check(dict(_walk(screen, columns, rows)))
            screen.resize(*SIZES[0])
        screen.wait_for("no data since")
        shown = dict(_walk(screen, *SIZES[0]))
        _check(shown)
        assert all("r Retry now" in text for name, text in shown.items() if name != "query")
        screen.press("1")
        screen.wait_for("▸ overview")
        screen.press("q")
        assert screen.wait() == 0


def test_a_dashboard_that_does_not_open_says_why_on_the_screen_where_it_was_asked_for(tmp_path: Path) -> None:
    with on_pty(nagare_argv("--data", tmp_path / "data", "top", "nowhere"), 80, 24) as screen:
        shown = screen.wait_for("no such screen")
        assert "opening" not in shown
        assert screen.wait() == 2


def test_a_dashboard_that_is_left_before_it_is_there_ends_well(tmp_path: Path) -> None:
    with on_pty(nagare_argv("--data", tmp_path / "data", "top"), 80, 24) as screen:
        screen.wait_for("opening")
        screen.press("q")
        assert screen.wait() == 0
