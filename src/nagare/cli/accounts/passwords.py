"""Passwords come from a terminal that shows none, or from stdin; never from an argument that others can list."""

from __future__ import annotations

import sys

import typer

from nagare.errors import InputError

_LIMIT = 1024


def ask_password(prompt: str = "Password", *, twice: bool = False, from_stdin: bool = False) -> str:
    """Return a password that somebody types, or the first line of stdin. Raises InputError."""
    if from_stdin:
        line = sys.stdin.readline(_LIMIT + 1)
        if not line or len(line) > _LIMIT:
            raise InputError("cannot read password: stdin has none in its first line")
        return line.rstrip("\r\n")
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError("cannot ask for a password: this is no terminal", hint="add --password-stdin")
    password: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
    return password
