"""Secrets come from a terminal that shows none, from stdin or from a file; never from an argument that others can list."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean
from nagare.model.command.parameters import SECRET_LONGEST, Kind

if TYPE_CHECKING:
    from nagare.wire.command_jobs import ActionView

_STDIN = "-"
# In bytes: each character of the longest secret may take four, and a line end follows.
_LIMIT_BYTES = 4 * SECRET_LONGEST + 2


def read_secrets(action: ActionView, asked: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Return the secrets by name: those ``asked`` on the terminal, and those of ``files`` (``NAME=PATH``, - is stdin).

    Raises InputError, which never shows one.
    """
    sources: dict[str, str | None] = {}
    for name in asked:
        _add(action, sources, name, None)
    for text in files:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise InputError("cannot use --secret-file: it must read NAME=PATH", hint="NAME=- reads stdin")
        _add(action, sources, name, path)
    if list(sources.values()).count(_STDIN) > 1:
        raise InputError("cannot read secrets: stdin holds one, and more are to come from it")
    return {name: _ask(name) if path is None else _read(name, path) for name, path in sources.items()}


def _add(action: ActionView, sources: dict[str, str | None], name: str, source: str | None) -> None:
    secret = [parameter.name for parameter in action.parameters if parameter.kind == Kind.SECRET]
    if name not in secret:
        raise InputError(
            f"cannot use secret {name[:80]!r}: {action.name} has no such one",
            hint=did_you_mean(name, secret) or f"its secrets: {', '.join(secret) or 'none'}",
        )
    if name in sources:
        raise InputError(f"cannot use secret {name}: it is given twice")
    sources[name] = source


def _ask(name: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise InputError(
            f"cannot ask for secret {name}: this is no terminal", hint=f"add --secret-file {name}=- to read stdin"
        )
    # Not by the library of the other prompts: it writes its prompt before it takes the echo away.
    import getpass

    try:
        return getpass.getpass(f"Secret {name}: ")
    except EOFError:
        raise InputError(f"cannot ask for secret {name}: nothing was typed") from None


def _read(name: str, path: str) -> str:
    try:
        content = _content(path)
    except OSError as error:
        raise InputError(f"cannot read secret {name}: {path}: {(error.strerror or 'refused').lower()}") from error
    if len(content) > _LIMIT_BYTES:
        raise InputError(f"cannot use secret {name}: it is longer than {SECRET_LONGEST} characters")
    try:
        # The end of the last line is the editor's, not the secret's.
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InputError(f"cannot use secret {name}: it is no text in UTF-8") from None
    if not text:
        raise InputError(f"cannot use secret {name}: it is empty")
    return text


def _content(path: str) -> bytes:
    if path == _STDIN:
        return sys.stdin.buffer.read(_LIMIT_BYTES + 1) if sys.stdin is not None else b""
    with Path(path).open("rb") as file:
        return file.read(_LIMIT_BYTES + 1)
