"""The page docs/reference/cli.md, made from the help texts of every command; `make docs` writes it."""

import io
import os
from collections.abc import Iterator
from contextlib import redirect_stdout

from nagare.cli.console.registry import COMMANDS, build
from nagare.cli.main import main

HEAD = """\
# Commands

Written by `make docs` from the commands' own help.

Data goes to stdout, talk and errors to stderr. `-o table|json|csv|ndjson` chooses the form; without it a terminal gets a
table and a pipe gets JSON. Times are RFC 3339 in data and local time in tables. The [exit status](exit-codes.md) tells how it went.
"""


def helps() -> Iterator[tuple[str, str]]:
    """Yield (words, help text) of the program, of every command and of every verb below it."""
    for name in ("", *COMMANDS):
        yield from helps_of(name)


def helps_of(name: str) -> Iterator[tuple[str, str]]:
    """Yield (words, help text) of one command, and of every verb below it; without a name, of the program."""
    yield name, help_of(name.split())
    command = build().get_command(None, name) if name else None
    for verb in getattr(command, "commands", {}):
        yield f"{name} {verb}", help_of([name, verb])


def help_of(words: list[str]) -> str:
    """Return what ``nagare WORDS --help`` prints on a terminal of 100 columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    stream = io.StringIO()
    try:
        with redirect_stdout(stream):
            main([*words, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return stream.getvalue()


def cli_page() -> str:
    """Return the page."""
    parts = [HEAD]
    for words, text in helps():
        depth = "###" if " " in words else "##"
        parts.append(f"{depth} `{f'nagare {words}'.strip()}`\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts)
