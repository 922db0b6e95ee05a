"""Subjects and the patterns that select them: dotted tokens, ``*`` for one token and ``>`` for all that follow.

Pure. Names that come from outside never stand in a subject, their ids do: so the alphabet is small, and what is lawful here
is lawful in NATS, in SQL and in a file's name.
"""

from __future__ import annotations

import re
import zlib

from nagare.errors import InvalidLabelError

SUBJECT_LIMIT = 255
_WORD = r"[A-Za-z0-9_-]+"
_SUBJECT = re.compile(rf"{_WORD}(?:\.{_WORD})*")
_PATTERN = re.compile(rf"(?:{_WORD}|\*)(?:\.(?:{_WORD}|\*))*(?:\.>)?|>")


def check_subject(subject: str) -> str:
    """Return ``subject`` if messages may be published under it. Raises InvalidLabelError."""
    if len(subject) > SUBJECT_LIMIT or _SUBJECT.fullmatch(subject) is None:
        raise InvalidLabelError(
            f"cannot use subject {subject[:80]!r}: tokens of letters, digits, underscore and hyphen between dots are lawful"
        )
    return subject


class Pattern:
    """A subject, or many: ``events.*`` has every kind of event, ``commands.>`` all that begins so."""

    __slots__ = ("_regex", "text", "tokens")

    def __init__(self, text: str) -> None:
        """Parse ``text``. Raises InvalidLabelError."""
        if len(text) > SUBJECT_LIMIT or _PATTERN.fullmatch(text) is None:
            raise InvalidLabelError(
                f"cannot use pattern {text[:80]!r}: a subject whose tokens may be *, and whose last may be >"
            )
        self.text = text
        self.tokens = text.split(".")
        # Only lawful subjects are matched, so any character but the dot is one of a token.
        parts = {"*": r"[^.]+", ">": r".+"}
        self._regex = re.compile(r"\.".join(parts.get(token, token) for token in self.tokens))

    def matches(self, subject: str) -> bool:
        """Tell whether ``subject`` is one of those meant."""
        return self._regex.fullmatch(subject) is not None

    def overlaps(self, other: Pattern) -> bool:
        """Tell whether a subject could match both."""
        for mine, theirs in zip(self.tokens, other.tokens, strict=False):
            if ">" in (mine, theirs):
                return True
            if mine != theirs and "*" not in (mine, theirs):
                return False
        return len(self.tokens) == len(other.tokens)


def partition_of(key: str, count: int) -> int:
    """Return the partition of ``key`` among ``count``: the same in every process and version, for it orders messages."""
    return zlib.crc32(key.encode()) % count


def partitions_of_member(count: int, member: int, members: int) -> list[int]:
    """Return the partitions that ``member`` (from zero) of ``members`` reads, so that each is read by exactly one."""
    return list(range(member, count, members))
