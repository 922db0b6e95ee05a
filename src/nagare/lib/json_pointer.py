"""JSON pointers (RFC 6901): the words between the slashes, and what stands at a place of a document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from nagare.errors import InputError

LENGTH_LIMIT = 512
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class _Missing:
    """Stands for what is not there: null is."""


MISSING: Final = _Missing()


def parse_pointer(text: str) -> tuple[str, ...]:
    """Return the steps that ``text`` names; none for the document itself. Raises InputError."""
    if len(text) > LENGTH_LIMIT:
        raise InputError(f"cannot read pointer: it has {len(text)} characters, {LENGTH_LIMIT} at the most")
    if not text:
        return ()
    if not text.startswith("/"):
        raise InputError(f"cannot read pointer {text[:40]!r}: it must begin with a slash")
    if _BAD_ESCAPE.search(text):
        raise InputError(f"cannot read pointer {text[:40]!r}: ~ stands before 0 or 1 only")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))


def format_pointer(steps: Sequence[str]) -> str:
    """Return the pointer that goes by ``steps``."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def find(document: Any, steps: Sequence[str]) -> Any:
    """Return what stands there, MISSING where nothing does."""
    found = document
    for step in steps:
        if isinstance(found, dict):
            found = found.get(step, MISSING)
        elif isinstance(found, list) and _INDEX.fullmatch(step) and int(step) < len(found):
            found = found[int(step)]
        else:
            return MISSING
    return found
