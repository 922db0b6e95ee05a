"""The one writer of talk and errors on stderr; stdout stays clean for what follows in the pipe.

An error reads ``nagare: <message>`` and ``  hint: …``; with ``-o json`` it is the problem document of RFC 9457.
"""

from __future__ import annotations

import contextlib
import sys

from nagare.errors import InputError, NagareError
from nagare.lib.plain_text import plain, plain_lines

# HTTP numbers belong to the server; a problem that never crossed HTTP carries none of its meanings.
_NO_STATUS = 0


def note(text: str) -> None:
    """Tell a person something; losing it when stderr is gone is no error."""
    with contextlib.suppress(OSError, ValueError):
        print(plain_lines(text), file=sys.stderr, flush=True)  # noqa: T201  the owner of stderr


class ProgressLine:
    """One line of stderr that is written over and over, on a terminal only; ``close`` leaves nothing of it."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        """Show nothing yet; nothing at all when ``is_quiet``."""
        self._is_shown = False
        self._may_show = not is_quiet and sys.stderr is not None and sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Let the line say ``text``."""
        if self._may_show:
            self._is_shown = True
            self._write(f"\r\x1b[K{plain(text)}")

    def close(self) -> None:
        """Clear the line."""
        if self._is_shown:
            self._is_shown = False
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(text, end="", file=sys.stderr, flush=True)  # noqa: T201  the owner of stderr


def report(error: NagareError, *, as_json: bool) -> None:
    """Write ``error`` for a person, or as a problem document."""
    if as_json:
        _write(_document(error))
        return
    note(f"nagare: {error.message}")
    for fault in error.errors if isinstance(error, InputError) else []:
        note(f"  at {plain(str(fault.get('pointer', '')))}: {plain(str(fault.get('detail', '')))}")
    if error.hint:
        note(f"  hint: {error.hint}")


def _document(error: NagareError) -> str:
    # Loaded only when something went wrong and a program asked.
    from nagare.wire.codec import encode
    from nagare.wire.problem import Problem

    problem = Problem(
        type=f"problems#{error.code}",
        title=error.code.replace("-", " "),
        status=int(error.context.get("status", _NO_STATUS)),
        detail=error.message,
        instance=str(error.context.get("instance", "")),
        code=error.code,
        hint=error.hint,
        errors=error.errors if isinstance(error, InputError) else [],
    )
    return encode(problem).decode()


def _write(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201  the owner of stderr
