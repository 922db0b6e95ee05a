"""Sessions of real programs (vim, tmux, htop, fish, vttest), replayed: after each step a core shows what another terminal showed."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from nagare.ssh.terminal.avt import AvtCore
from nagare.ssh.terminal.core import PLAIN, CellStyle, Run, TerminalCore
from nagare.ssh.terminal.ghostty import GhosttyCore
from tests.support.source import ROOT

_FOLDER = ROOT / "tests" / "captured" / "terminal"
_NAMES = sorted(path.stem for path in _FOLDER.glob("*.cast"))
# What makes a blank look otherwise than a blank.
_SEEN_ON_BLANKS = {"inverse", "underline", "strike", "overline"}

# What avt does otherwise than the terminals that vttest was made for: scrolling down in a region of two lines, the set of the United
# Kingdom, other pictures for two letters of the set of lines.
_AVT_ERRS = {
    ("vttest-screen", "step 7"),
    ("vttest-screen", "step 9"),
    ("vttest-screen", "step 15"),
    ("vttest-characters", "step 2"),
    ("vttest-characters", "step 4"),
}

Cells = list[tuple[str, CellStyle]]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("make", [GhosttyCore, AvtCore], ids=["ghostty", "avt"])
def test_every_step_looks_as_it_did(make: Callable[[int, int], TerminalCore], name: str) -> None:
    header, *events = _lines(_FOLDER / f"{name}.cast")
    screens = json.loads((_FOLDER / f"{name}.screens.json").read_text())
    core = make(header["width"], header["height"])
    for _, kind, content in events:
        if kind == "o":
            core.feed(content.encode())
            continue
        expected = [_cells([Run(text, _style(*look)) for text, *look in row]) for row in screens.pop(0)]
        if isinstance(core, AvtCore) and (name, content) in _AVT_ERRS:
            continue
        shown = core.rows(range(header["height"]))
        for row, cells in enumerate(expected):
            assert _cells(shown[row]) == cells, f"{name}, {content}, row {row}"
    assert not screens


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _style(foreground: Any, background: Any, words: str) -> CellStyle:
    flags = {word: 1 if word == "underline" else True for word in words.split()}
    return CellStyle(_colour(foreground), _colour(background), **flags)  # type: ignore[arg-type]  # names of its flags


def _colour(told: Any) -> Any:
    return tuple(told) if isinstance(told, list) else told


def _cells(runs: Any) -> Cells:
    """Return runs as they look: blanks at the end, of which tmux tells only some, and what nobody sees of a blank are left out."""
    letters = [(letter, _looks(letter, style)) for text, style in runs for letter in _letters(text)]
    while letters and letters[-1][0] == " ":
        letters.pop()
    return [("".join(letter for letter, _ in group), style) for style, group in groupby(letters, lambda one: one[1])]


def _letters(text: str) -> Iterator[str]:
    return iter(unicodedata.normalize("NFC", text))


def _looks(letter: str, style: CellStyle) -> CellStyle:
    if letter != " ":
        return style
    kept = {name: getattr(style, name) for name in _SEEN_ON_BLANKS}
    foreground = style.foreground if any(kept.values()) else None
    return PLAIN._replace(foreground=foreground, background=style.background, **kept)
