"""What stands between the first lines of a page: its title, its kind, the names by which people look for it.

A small part of YAML is read (names with a value, a list in brackets or on lines of its own), and TOML between plus signs;
what is anything else is left out, never guessed. Pure, bounded, and it raises nothing whatever it is given.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LINES_LIMIT = 200
_KEYS_LIMIT = 64
_VALUES_LIMIT = 64
_VALUE_LIMIT = 500
# Reading TOML costs the square of the parts of a dotted key.
_DOTS_LIMIT = 128
_KEY = re.compile(r"([A-Za-z][\w .-]{0,63}?)\s*:(?:\s+(.*))?$")
_ITEM = re.compile(r"\s*-\s+(.*)$")
_QUOTED = re.compile(r"(['\"])(.*?)\1\s*(?:#.*)?")
_COMMENT = re.compile(r"\s#.*$")
_FENCES = {"---": ("---", "..."), "+++": ("+++",)}


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The values by key in lower case, and how many lines of the page they take (0: the page has none)."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: int = 0

    def first(self, *keys: str) -> str:
        """Return the first value of the first of ``keys`` that has one, else nothing."""
        return next((found[0] for key in keys if (found := self.values.get(key))), "")

    def all_of(self, *keys: str) -> tuple[str, ...]:
        """Return every value of ``keys``, in their order."""
        return tuple(value for key in keys for value in self.values.get(key, ()))


def read_front_matter(lines: Sequence[str]) -> FrontMatter:
    """Return what stands at the beginning of the page that has these ``lines``."""
    opening = lines[0].removeprefix("\ufeff").rstrip() if lines else ""
    closings = _FENCES.get(opening)
    if closings is None:
        return FrontMatter()
    for number, line in enumerate(lines[1 : LINES_LIMIT + 1], 1):
        if line.rstrip() in closings:
            body = lines[1:number]
            return FrontMatter(_toml(body) if opening == "+++" else _yaml(body), number + 1)
    return FrontMatter()


def _yaml(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found = dict[str, list[str]]()
    key = ""
    for line in lines:
        if line.startswith("#"):
            continue
        item, named = _ITEM.match(line), _KEY.match(line)
        if item and key:
            _add(found[key], item[1])
        elif named and len(found) < _KEYS_LIMIT:
            key = named[1].lower()
            _add(found.setdefault(key, []), *_values(named[2] or ""))
        elif line.strip() and not line.startswith((" ", "\t")):
            key = ""
    return {name: tuple(values) for name, values in found.items() if values}


def _values(text: str) -> list[str]:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].split(",")
    # A block that follows on lines of its own, an anchor, a map: not read.
    return [] if text.startswith(("|", ">", "&", "*", "{", "!")) else [text]


def _add(values: list[str], *texts: str) -> None:
    for text in texts:
        value = _plain(text)
        if value and len(values) < _VALUES_LIMIT:
            values.append(value[:_VALUE_LIMIT])


def _plain(text: str) -> str:
    quoted = _QUOTED.fullmatch(text.strip())
    return (quoted[2] if quoted else _COMMENT.sub("", text)).strip()


def _toml(lines: Sequence[str]) -> dict[str, tuple[str, ...]]:
    text = "\n".join(lines)
    if text.count(".") > _DOTS_LIMIT:
        return {}
    found = dict[str, tuple[str, ...]]()
    try:
        for key, value in list(tomllib.loads(text).items())[:_KEYS_LIMIT]:
            values = list[str]()
            _add(values, *(str(one) for one in (value if isinstance(value, list) else [value]) if _is_single(one)))
            if values:
                found[key.lower()] = tuple(values)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        # No TOML, or a number that is too long to be written in decimals.
        return {}
    return found


def _is_single(value: object) -> bool:
    return not isinstance(value, (dict, list))
