"""Turns what a file, a variable or a flag holds into the type of a setting, within its bounds; says what is wrong if not.

A value from a file has TOML's types; text (variables and flags) is read by the same rules, lists as ``a,b`` and
mappings as ``a=1,b=2``. Durations (``30s``) and sizes (``256MiB``) are taken wherever the unit is seconds or bytes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_origin

from nagare.config.fields import Field, fields_of
from nagare.errors import InputError
from nagare.lib.nearest import did_you_mean
from nagare.lib.units import parse_duration

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)(b?)", re.IGNORECASE)
# What columns and file systems hold; a larger number is a slip of the hand.
_INTEGER_LIMIT = 2**63
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


@dataclass(frozen=True, slots=True)
class Manner:
    """How a value was written: as text (variable, flag) or with TOML's types, and where relative paths start."""

    is_text: bool
    base: Path


class BadValueError(Exception):
    """Why a value cannot be taken; the loader adds where it stands. ``key`` is set below a table of a list."""

    def __init__(self, reason: str, *, hint: str = "", key: str = "") -> None:
        """Keep the reason, the way out and the key inside a table."""
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.key = key


def parse_size(text: str) -> int:
    """Return bytes of ``4096``, ``256MiB``, ``1G`` (powers of 1024) or ``10MB`` (powers of 1000). Raises BadValueError."""
    match = _SIZE.fullmatch(text.strip().replace("_", ""))
    if match is None:
        raise BadValueError("not a size", hint="write it as 4096, 256MiB or 10MB")
    number, prefix, binary, byte = match.groups()
    # "10MB" is decimal as on a disk's box; "10M" means what `nagare top` shows as 10M.
    base = 1000 if prefix and byte and not binary else 1024
    size = float(number) * float(base ** _POWERS[prefix.lower()])
    if not size < _INTEGER_LIMIT:
        raise BadValueError("larger than any machine")
    return round(size)


def coerce(field: Field, value: Any, manner: Manner) -> Any:
    """Return ``value`` as the field's type; written in that ``manner``. Raises BadValueError."""
    if field.is_optional and value == "":
        return None
    return _reader(field.type)(field, value, manner)


def _reader(type_: Any) -> Callable[[Field, Any, Manner], Any]:
    origin = get_origin(type_) or type_
    if origin is tuple:
        element = get_args(type_)[0]
        return _read_texts if element is str else _read_tables
    return _READERS[origin]


def _read_bool(_field: Field, value: Any, manner: Manner) -> bool:
    if isinstance(value, bool):
        return value
    if manner.is_text and isinstance(value, str) and value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise BadValueError(f"expected true or false, got {_shown(value)}")


def _read_int(field: Field, value: Any, manner: Manner) -> int:
    number: int
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and field.unit == "bytes":
        number = parse_size(value)
    elif isinstance(value, str) and manner.is_text:
        try:
            number = int(value)
        except ValueError:
            raise BadValueError(f"expected a whole number, got {_shown(value)}") from None
    else:
        raise BadValueError(f"expected a whole number, got {_shown(value)}")
    if abs(number) >= _INTEGER_LIMIT:
        raise BadValueError("too large a number")
    _check_bounds(field, number)
    return number


def _read_float(field: Field, value: Any, manner: Manner) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and field.unit == "seconds":
        number = _duration(value)
    elif isinstance(value, str) and manner.is_text:
        try:
            number = float(value)
        except ValueError:
            raise BadValueError(f"expected a number, got {_shown(value)}") from None
    else:
        raise BadValueError(f"expected a number, got {_shown(value)}")
    if not math.isfinite(number):
        raise BadValueError(f"expected a finite number, got {_shown(value)}")
    _check_bounds(field, number)
    return number


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except InputError as error:
        raise BadValueError(f"expected seconds or a duration, got {_shown(text)}", hint=error.hint) from None


def _read_text(field: Field, value: Any, _manner: Manner) -> str:
    if not isinstance(value, str):
        raise BadValueError(f"expected a text, got {_shown(value)}")
    if "\x00" in value:
        raise BadValueError("a text must hold no NUL character")
    if field.choices and value not in field.choices:
        raise BadValueError(
            f"{_shown(value)} is none of {', '.join(field.choices)}", hint=did_you_mean(value, field.choices)
        )
    return value


def _read_path(_field: Field, value: Any, manner: Manner) -> Path:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise BadValueError(f"expected a path, got {_shown(value)}")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise BadValueError(f"cannot find the home directory that {_shown(value)} names") from None
    return path if path.is_absolute() else manner.base / path


def _read_texts(field: Field, value: Any, manner: Manner) -> tuple[str, ...]:
    if isinstance(value, str) and manner.is_text:
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise BadValueError(f"expected a list of texts, got {_shown(value)}")
    return tuple(_read_text(field, part, manner) for part in value)


def _read_mapping(field: Field, value: Any, manner: Manner) -> Mapping[str, Any]:
    if isinstance(value, str) and manner.is_text:
        value = dict(_pairs(value))
    if not isinstance(value, Mapping):
        raise BadValueError(f"expected a table of keys and values, got {_shown(value)}")
    read = _read_float if get_args(field.type)[1] is float else _read_text
    result = {}
    for key, part in value.items():
        try:
            result[key] = read(field, part, manner)
        except BadValueError as error:
            raise BadValueError(error.reason, hint=error.hint, key=key) from None
    return MappingProxyType(result)


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise BadValueError(f"expected pairs as key=value,key=value, got {_shown(part)}")
        pairs.append((key.strip(), value.strip()))
    return pairs


def _read_tables(field: Field, value: Any, manner: Manner) -> tuple[Any, ...]:
    if isinstance(value, str) and manner.is_text:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadValueError(
                "expected a JSON array of objects", hint='for example [{"target":"192.0.2.1"}]'
            ) from None
    if not isinstance(value, (list, tuple)):
        raise BadValueError(f"expected a list of tables, got {_shown(value)}")
    kind = get_args(field.type)[0]
    return tuple(_read_table(kind, part, index, manner.base) for index, part in enumerate(value))


def _read_table(kind: type, value: Any, index: int, base: Path) -> Any:
    if not isinstance(value, Mapping):
        raise BadValueError(f"expected a table, got {_shown(value)}", key=f"[{index}]")
    known = {field.key: field for field in fields_of(kind)}
    parts = {}
    for key, part in value.items():
        if key not in known:
            raise BadValueError("unknown key", hint=did_you_mean(key, known), key=f"[{index}].{key}")
        try:
            parts[key] = coerce(known[key], part, Manner(is_text=False, base=base))
        except BadValueError as error:
            raise BadValueError(error.reason, hint=error.hint, key=f"[{index}].{key}") from None
    return kind(**parts)


def _check_bounds(field: Field, number: float) -> None:
    if field.low is not None and number < field.low:
        raise BadValueError(f"{number:g} is below the least, {field.low:g}{_unit(field)}")
    if field.high is not None and number > field.high:
        raise BadValueError(f"{number:g} is above the most, {field.high:g}{_unit(field)}")


def _unit(field: Field) -> str:
    return f" {field.unit}" if field.unit else ""


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"


_READERS: Mapping[Any, Callable[[Field, Any, Manner], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_text,
    Path: _read_path,
    Mapping: _read_mapping,
}
