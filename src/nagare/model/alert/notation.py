"""Values over time in one line, as tests of rules write them: ``0.5 0.6 0.9x10 _x3 1+2x5``. Pure.

``_`` is a moment without a value, ``AxN`` the value A at N moments, ``A+BxN`` and ``A-BxN`` N values that begin with A and rise or
fall by B. Words (``active failedx4``) and ``true false`` may be repeated too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from nagare.errors import InputError

VALUES_LIMIT = 100_000
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RISING = re.compile(rf"({_NUMBER})([+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)x(\d+)")
_REPEATED = re.compile(r"(.+?)x(\d+)")
_NOTHING = "_"
Value = float | bool | str | None


def parse_series(text: str, *, is_text: bool = False) -> list[Value]:
    """Return the values that ``text`` writes; of a text column every word is one. Raises InputError."""
    found = list[Value]()
    for word in text.split():
        for value in _values(word, is_text=is_text):
            found.append(value)
            if len(found) > VALUES_LIMIT:
                raise InputError(f"cannot read series: it has more than {VALUES_LIMIT} values")
    return found


def _values(word: str, *, is_text: bool) -> Iterator[Value]:
    if not is_text and (rising := _RISING.fullmatch(word)):
        begin, step = float(rising[1]), float(rising[2])
        # Each from the begin, so that many small steps make no error.
        yield from (begin + step * place for place in range(_count(rising[3])))
        return
    repeated = _REPEATED.fullmatch(word)
    text, count = (repeated[1], _count(repeated[2])) if repeated else (word, 1)
    value = _value(text, word, is_text=is_text)
    yield from (value for _ in range(count))


def _count(digits: str) -> int:
    # One more than fits is refused by the caller; a longer number need not be made.
    return min(int(digits[:12]), VALUES_LIMIT + 1)


def _value(text: str, word: str, *, is_text: bool) -> Value:
    if text == _NOTHING:
        return None
    if is_text:
        return text
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"cannot read {word[:40]!r} of a series: neither a number nor _, true or false",
            hint="write 0.5 0.6 0.9x10 _x3 1+2x5",
        )
    return number
