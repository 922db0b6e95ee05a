"""The help of every command is a promise: scripts and people read it. Written again by this file run as a program."""

from pathlib import Path

import pytest

from nagare.cli.console.registry import COMMANDS, build
from tools.docs_cli import help_of, helps

GOLDEN = Path(__file__).parents[2] / "golden" / "help"
MEND = "if it is meant: .venv/bin/python -m tests.unit.cli.test_help"


def _golden(words: str) -> Path:
    return GOLDEN / f"{'-'.join(['nagare', *words.split()])}.txt"


@pytest.mark.parametrize(("words", "text"), list(helps()), ids=lambda value: value.replace("\n", " ")[:30])
def test_help_is_the_promised_one(words: str, text: str) -> None:
    assert text == _golden(words).read_text(), MEND


def test_no_golden_help_is_left_of_a_command_that_is_gone() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {_golden(words).name for words, _ in helps()}, MEND


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    text = help_of([name])
    command = build().get_command(None, name)
    verbs = getattr(command, "commands", {})
    texts = [text] if not verbs else [help_of([name, verb]) for verb in verbs]
    assert all("Example" in one and f"nagare {name}" in one for one in texts)


def test_no_line_is_wider_than_the_terminal() -> None:
    for _, text in helps():
        for line in text.splitlines():
            assert len(line) <= 100 or line.lstrip().startswith("nagare "), line


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for old in GOLDEN.iterdir():
        old.unlink()
    for each, content in helps():
        _golden(each).write_text(content)
