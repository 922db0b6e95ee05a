"""StatsD lines: ``name:value|type|@rate|#tag:value``, several to a datagram.

Nobody answers a datagram, so nothing here raises: what cannot be read is counted, and its neighbours are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

# What our labels allow; other signs become underscores, as every StatsD server does it.
_UNLAWFUL = re.compile(r"[^a-zA-Z0-9_:]")
_NUMBER = re.compile(r"[+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
NAME_LIMIT = 512
TAG_LIMIT = 64
# A client may pack several values of one name into a line; a datagram has 64 KiB at the most.
VALUES_LIMIT = 1000


class StatsdKind(StrEnum):
    """What a line reports; ``h`` and ``d`` (values of any unit) are read as timings are."""

    COUNTER = "c"
    GAUGE = "g"
    TIMING = "ms"
    HISTOGRAM = "h"
    SET = "s"


_KINDS = {"c": StatsdKind.COUNTER, "g": StatsdKind.GAUGE, "ms": StatsdKind.TIMING, "h": StatsdKind.HISTOGRAM,
          "d": StatsdKind.HISTOGRAM, "s": StatsdKind.SET}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatsdLine:
    """One reported value. ``member`` is the text of a set's member; ``is_relative`` marks a gauge that moves by ``value``."""

    name: str
    kind: StatsdKind
    value: float
    rate: float = 1.0
    tags: tuple[tuple[str, str], ...] = ()
    member: str = ""
    is_relative: bool = False


@dataclass(frozen=True, slots=True)
class StatsdDatagram:
    """What one datagram brought, and how many of its lines could not be read."""

    lines: tuple[StatsdLine, ...]
    malformed: int


def parse_datagram(datagram: bytes) -> StatsdDatagram:
    """Return the lines of ``datagram``; never raises."""
    read: list[StatsdLine] = []
    malformed = 0
    for raw in datagram.decode(errors="replace").split("\n"):
        line = raw.strip("\r\x00 ")
        if not line:
            continue
        try:
            read.extend(_lines(line))
        except ValueError:
            malformed += 1
    return StatsdDatagram(tuple(read), malformed)


def _lines(line: str) -> list[StatsdLine]:
    body, _, fields = line.partition("|")
    name, colon, values = body.partition(":")
    if not colon:
        raise ValueError(line)
    lawful, kind, rate, tags = (_usual if len(line) <= _USUAL_CHARACTERS else _described)(name, fields)
    if kind is StatsdKind.SET:
        return [StatsdLine(lawful, kind, 0.0, rate, tags, member=values)]
    numbers = values.split(":")
    if len(numbers) > VALUES_LIMIT:
        raise ValueError(line)
    return [_reading(lawful, kind, number, rate, tags) for number in numbers]


def _described(name: str, fields: str) -> tuple[str, StatsdKind, float, tuple[tuple[str, str], ...]]:
    """Return what a line says beside its values: name, kind, rate and tags."""
    word, *more = fields.split("|")
    kind = _KINDS.get(word)
    # Events (_e{…}) and service checks (_sc|…) of one vendor have no place here.
    if kind is None or not 0 < len(name) <= NAME_LIMIT:
        raise ValueError(name)
    lawful = _UNLAWFUL.sub("_", name)
    return f"_{lawful}" if lawful[0].isdigit() else lawful, kind, *_fields(more)


# A client says the same again and again, values apart.
_USUAL_CHARACTERS = 400
_usual = lru_cache(8192)(_described)


def _reading(name: str, kind: StatsdKind, number: str, rate: float, tags: tuple[tuple[str, str], ...]) -> StatsdLine:
    relative = kind is StatsdKind.GAUGE and number[:1] in ("+", "-")
    return StatsdLine(name, kind, _number(number), rate, tags, is_relative=relative)


def _fields(fields: list[str]) -> tuple[float, tuple[tuple[str, str], ...]]:
    rate = 1.0
    tags: tuple[tuple[str, str], ...] = ()
    for field in fields:
        if field[:1] == "@":
            rate = _number(field[1:])
            if not 0 < rate <= 1:
                raise ValueError(field)
        elif field[:1] == "#":
            tags = tuple(sorted(dict(_tags(field[1:])).items()))
        # Others (a container's id, a time) are lawful extensions that say nothing about the value.
    return rate, tags


def _tags(text: str) -> Iterator[tuple[str, str]]:
    parts = [part for part in text.split(",") if part]
    if len(parts) > TAG_LIMIT:
        raise ValueError(text)
    for part in parts:
        name, _, value = part.partition(":")
        lawful = _UNLAWFUL.sub("_", name).replace(":", "_")
        if not lawful:
            raise ValueError(part)
        # A bare tag is a flag.
        yield (f"_{lawful}" if lawful[0].isdigit() else lawful), value or "true"


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
