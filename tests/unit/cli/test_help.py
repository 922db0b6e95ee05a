"""The help of every command is a promise: scripts and people read it. Written again by this file run as a program."""

from functools import cache
from pathlib import Path

import pytest

from nagare.cli.console.registry import COMMANDS
from tools.docs_cli import helps, helps_of

GOLDEN = Path(__file__).parents[2] / "golden" / "help"
MEND = "if it is meant: .venv/bin/python -m tests.unit.cli.test_help"


@cache
def _helps_of(name: str) -> dict[str, str]:
    return dict(helps_of(name))


def _all_helps() -> dict[str, str]:
    return {words: text for name in ("", *COMMANDS) for words, text in _helps_of(name).items()}


def _golden(words: str) -> Path:
    return GOLDEN / f"{'-'.join(['nagare', *words.split()])}.txt"


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_the_promised_one(name: str) -> None:
    found = _helps_of(name)
    assert found == {words: _golden(words).read_text() for words in found}, MEND


def test_no_golden_help_is_left_of_a_command_that_is_gone() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {_golden(words).name for words in _all_helps()}, MEND


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    found = _helps_of(name)
    texts = [text for words, text in found.items() if words != name] or [found[name]]
    assert all("Example" in one and f"nagare {name}" in one for one in texts)


def test_no_line_is_wider_than_the_terminal() -> None:
    for text in _all_helps().values():
        for line in text.splitlines():
            assert len(line) <= 100 or line.lstrip().startswith("nagare "), line


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for old in GOLDEN.iterdir():
        old.unlink()
    for each, content in helps():
        _golden(each).write_text(content)
