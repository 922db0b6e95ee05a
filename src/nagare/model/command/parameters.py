"""Typed parameters of actions: which values are lawful, and which words of a command line a value becomes.

A value never becomes more than its own words: nothing here splits, quotes or expands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from nagare.errors import InputError

Value = str | int | bool | list[str]
# The longest text that one parameter may allow; the kernel takes 128 KiB a word (MAX_ARG_STRLEN).
TEXT_LIMIT = 65_536
LIST_LIMIT = 256
# The largest pid of any Linux (PID_MAX_LIMIT).
PID_LIMIT = 2**22
SECRET_SHORTEST, SECRET_LONGEST = 4, 4096
# systemd.unit(5); a backslash stands in escaped names. No globs, no leading dash.
_UNIT = re.compile(r"[A-Za-z0-9_@:.\\][A-Za-z0-9_@:.\\-]{0,254}")
_DURATION = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_SECONDS = MappingProxyType({"s": 1, "m": 60, "h": 3600, "d": 86400})
# C0, DEL and C1: none of them has business in a word of a command line, and NUL would end it early.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Kind(StrEnum):
    """What a parameter takes."""

    STRING = "string"
    INTEGER = "integer"
    CHOICE = "choice"
    FLAG = "flag"
    UNIT = "unit"
    PATH = "path"
    PID = "pid"
    DURATION = "duration"
    SECRET = "secret"  # noqa: S105  the word for one


# Kinds whose values are texts, and may come as lists.
TEXT_KINDS = frozenset({Kind.STRING, Kind.CHOICE, Kind.UNIT, Kind.PATH})
# Kinds whose words never begin with a dash: nothing need guard them from being read as an option.
PLAIN_KINDS = frozenset({Kind.PATH, Kind.PID, Kind.DURATION, Kind.UNIT})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. Which of the constraints apply depends on ``kind``; bounds of durations are seconds."""

    name: str
    kind: Kind
    text: str = ""
    is_optional: bool = False
    default: Value | None = None
    # Texts: any number of values up to ``most``, each a word of its own.
    is_list: bool = False
    most: int = 16
    # Strings: what the whole value must match, its longest form in characters, whether it may have several lines.
    pattern: str = ""
    longest: int = 256
    has_lines: bool = False
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    # Flags: the one word that stands for a set one.
    word: str = ""
    # Paths: the value lies below one of them.
    roots: tuple[str, ...] = ()
    # Secrets: ``stdin``, or the environment variable that holds it. Never the command line.
    into: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether its value is known to the requester and the program alone."""
        return self.kind is Kind.SECRET


def check_value(parameter: Parameter, value: object) -> Value:
    """Return ``value`` if ``parameter`` takes it. Raises InputError that points at it."""
    if not parameter.is_list:
        return _CHECKS[parameter.kind](parameter, value)
    if not isinstance(value, list):
        raise refused(parameter, "must be a list of texts")
    if len(value) > parameter.most:
        raise refused(parameter, f"has {len(value)} values, {parameter.most} at the most")
    checked: list[str] = []
    for part in value:
        one = _CHECKS[parameter.kind](parameter, part)
        assert isinstance(one, str)
        checked.append(one)
    return checked


def words_of(parameter: Parameter, value: Value) -> list[str]:
    """Return the words that a checked value becomes: one, for a list one for each part, for an unset flag none."""
    if isinstance(value, list):
        return list(value)
    if isinstance(value, bool):
        return [parameter.word] if value else []
    if parameter.kind is Kind.DURATION:
        return [str(seconds_of(str(value)))]
    return [str(value)]


def seconds_of(text: str) -> int:
    """Return the seconds of a duration such as ``90s``, ``15m``, ``2h`` or ``1d``. Raises InputError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise InputError(f"cannot read duration {text[:40]!r}: a number and one of s, m, h, d, such as 15m")
    return int(found[1]) * _SECONDS[found[2]]


def check_secret(parameter: Parameter, value: str) -> str:
    """Return ``value`` if it may be the secret of ``parameter``. Raises InputError, which never shows it."""
    if not SECRET_SHORTEST <= len(value) <= SECRET_LONGEST:
        raise refused(
            parameter, f"must have {SECRET_SHORTEST} to {SECRET_LONGEST} characters, or it could not be masked"
        )
    _check_controls(parameter, value)
    return value


def refused(parameter: Parameter, cause: str) -> InputError:
    """Return the error of a value that ``parameter`` does not take."""
    return InputError(
        f"cannot use argument {parameter.name}: it {cause}",
        hint=parameter.text,
        errors=[{"pointer": f"#/arguments/{parameter.name}", "detail": cause}],
    )


def _text(parameter: Parameter, value: object) -> str:
    if not isinstance(value, str):
        raise refused(parameter, "must be a text")
    if not value:
        raise refused(parameter, "is empty")
    if len(value) > parameter.longest:
        raise refused(parameter, f"has {len(value)} characters, {parameter.longest} at the most")
    _check_controls(parameter, value)
    return value


def _check_controls(parameter: Parameter, value: str) -> None:
    unlawful = _CONTROLS_IN_LINES if parameter.has_lines else _CONTROLS
    if found := unlawful.search(value):
        raise refused(parameter, f"holds a control character (U+{ord(found[0]):04X})")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(parameter, "is no Unicode text") from None


def _string(parameter: Parameter, value: object) -> str:
    text = _text(parameter, value)
    if parameter.pattern and re.fullmatch(parameter.pattern, text) is None:
        raise refused(parameter, f"does not match {parameter.pattern}")
    return text


def _choice(parameter: Parameter, value: object) -> str:
    if value not in parameter.choices:
        raise refused(parameter, f"must be one of {', '.join(parameter.choices)}")
    return str(value)


def _flag(parameter: Parameter, value: object) -> bool:
    if not isinstance(value, bool):
        raise refused(parameter, "must be true or false")
    return value


def _integer(parameter: Parameter, value: object) -> int:
    # True is an integer to Python, and to nobody who reads a request.
    if not isinstance(value, int) or isinstance(value, bool):
        raise refused(parameter, "must be a whole number")
    return _within(parameter, value, "")


def _within(parameter: Parameter, number: int, unit: str) -> int:
    low, high = parameter.low, parameter.high
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = f"{'any' if low is None else low} to {'any' if high is None else high}{unit}"
        raise refused(parameter, f"is {number}, and must be within {bounds}")
    return number


def _pid(parameter: Parameter, value: object) -> int:
    number = _integer(parameter, value)
    # 0 and negative ones mean groups to kill(2), 1 is the machine itself.
    if not 1 < number <= PID_LIMIT:
        raise refused(parameter, f"is {number}, and must be within 2 to {PID_LIMIT}")
    return number


def _duration(parameter: Parameter, value: object) -> str:
    text = _text(parameter, value)
    try:
        seconds = seconds_of(text)
    except InputError:
        raise refused(parameter, "must be a number and one of s, m, h, d, such as 15m") from None
    _within(parameter, seconds, " seconds")
    return text


def _unit(parameter: Parameter, value: object) -> str:
    text = _text(parameter, value)
    if _UNIT.fullmatch(text) is None:
        raise refused(parameter, "is no name of a systemd unit")
    return text


def _path(parameter: Parameter, value: object) -> str:
    text = _text(parameter, value)
    if not text.startswith("/"):
        raise refused(parameter, "must begin with /")
    parts = text.removeprefix("/").split("/")
    if text != "/" and any(part in ("", ".", "..") for part in parts):
        raise refused(parameter, "must be plain: no . or .., no // and no / at its end")
    if not any(is_below(text, root) for root in parameter.roots):
        raise refused(parameter, f"must lie below {' or '.join(parameter.roots)}")
    return text


def is_below(path: str, root: str) -> bool:
    """Tell whether the plain absolute ``path`` is ``root`` or lies below it; both are compared as texts."""
    return root == "/" or path == root or path.startswith(f"{root}/")


def _secret(parameter: Parameter, _: object) -> str:
    raise refused(parameter, "is a secret, and must not stand among the arguments")


_CHECKS: Mapping[Kind, Callable[[Parameter, object], Value]] = MappingProxyType(
    {
        Kind.STRING: _string,
        Kind.INTEGER: _integer,
        Kind.CHOICE: _choice,
        Kind.FLAG: _flag,
        Kind.UNIT: _unit,
        Kind.PATH: _path,
        Kind.PID: _pid,
        Kind.DURATION: _duration,
        Kind.SECRET: _secret,
    }
)
