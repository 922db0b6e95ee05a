"""What is shown of a command line: people put passwords there, so by default only its shape is kept."""

from __future__ import annotations

import re

from nagare.collect.reading.rows import TEXT_LIMIT, clean_text

_MASK = "***"
_LONG_FLAG = re.compile(r"--[A-Za-z][A-Za-z0-9_.-]{0,63}")
_SHORT_FLAG = re.compile(r"-[A-Za-z0-9]")


def format_command(raw: bytes, mode: str) -> str | None:
    """Return the command line of a ``/proc/PID/cmdline`` in the configured mode; None for none or a kernel thread."""
    if mode == "off":
        return None
    words = [clean_text(word) for word in raw.rstrip(b"\0").split(b"\0")]
    if not words[0] and len(words) == 1:
        return None
    return (" ".join(words) if mode == "full" else mask_command(words))[:TEXT_LIMIT]


def mask_command(words: list[str]) -> str:
    """Return the program and the names of its flags; every value and every other word becomes ``***``.

    A short flag keeps its first letter only, since its value may be glued to it. Runs of masks become one.
    A program that wrote over its own command line leaves one word with blanks, which is taken apart first.
    """
    if len(words) == 1:
        words = words[0].split() or [""]
    program = words[0].rsplit("/", 1)[-1].split()
    shown = [program[0] if program else _MASK]
    for word in (*program[1:], *words[1:]):
        masked = _mask_word(word)
        if masked != _MASK or shown[-1] != _MASK:
            shown.append(masked)
    return " ".join(shown)


def _mask_word(word: str) -> str:
    if word in {"-", "--"}:
        return word
    name, equals, _ = word.partition("=")
    if _LONG_FLAG.fullmatch(name):
        return f"{name}={_MASK}" if equals else name
    flag = _SHORT_FLAG.match(word)
    if flag:
        return word if len(word) == 2 else f"{flag[0]}{_MASK}"
    return _MASK
