"""The settings as one flat list of keys: what the loader, the schema, the reference page and the template walk."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, replace
from functools import cache
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from nagare.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One setting: ``key`` is dotted (``server.listen``), ``type`` the annotation without None."""

    key: str
    type: Any
    is_optional: bool
    default: Any
    text: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    restart: bool

    @property
    def section(self) -> str:
        """The table in the file, empty for a key outside all tables."""
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key inside its table."""
        return self.key.rpartition(".")[2]


DATA = Field(
    key="data",
    type=get_type_hints(Settings)["data"],
    is_optional=False,
    default=None,
    text="directory of this installation; the platform's user data directory unless set",
    unit="",
    low=None,
    high=None,
    choices=(),
    restart=True,
)


@cache
def all_fields() -> Mapping[str, Field]:
    """Return every setting by its dotted key, in the order of the sections."""
    fields = {"data": DATA, **top_level()}
    for name, section in sections().items():
        fields |= {field.key: field for field in fields_of(section, f"{name}.")}
    return MappingProxyType(fields)


@cache
def top_level() -> Mapping[str, Field]:
    """Return the settings that stand in no section, but for the directory."""
    names = {item.name for item in dataclasses.fields(Settings) if item.metadata}
    return MappingProxyType(dict(_fields(Settings, names)))


@cache
def sections() -> Mapping[str, type]:
    """Return the section types by name."""
    hints = get_type_hints(Settings)
    return MappingProxyType({name: hint for name, hint in hints.items() if hasattr(hint, "__dataclass_fields__")})


def fields_of(section: type, prefix: str = "") -> Iterator[Field]:
    """Yield the settings of one section."""
    names = {item.name for item in dataclasses.fields(section)}
    yield from (replace(field, key=prefix + name) for name, field in _fields(section, names))


def _fields(section: type, names: Collection[str]) -> Iterator[tuple[str, Field]]:
    hints = get_type_hints(section)
    for field in dataclasses.fields(section):
        if field.name not in names:
            continue
        hint, is_optional = _without_none(hints[field.name])
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        yield field.name, Field(
            key=field.name, type=hint, is_optional=is_optional, default=default, **field.metadata
        )  # fmt: skip


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) not in (Union, UnionType):
        return hint, False
    rest = [part for part in get_args(hint) if part is not type(None)]
    return rest[0], True
