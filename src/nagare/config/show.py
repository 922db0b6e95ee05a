"""Settings as documents: plain values for JSON, and TOML text that reads back as the same settings."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nagare.config.fields import Field, all_fields
from nagare.config.settings import Settings


def value_of(settings: Settings, key: str) -> Any:
    """Return the value of a dotted key."""
    section, _, name = key.rpartition(".")
    return getattr(getattr(settings, section) if section else settings, name)


def plain_value(value: Any) -> Any:
    """Return ``value`` with JSON's types only."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain_value(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [plain_value(part) for part in value]
    if dataclasses.is_dataclass(value):
        return {field.name: plain_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def format_toml(value: Any) -> str:
    """Return ``value`` as TOML; None, which TOML cannot say, as an empty text."""
    plain = plain_value(value)
    if plain is None:
        return '""'
    if isinstance(plain, dict):
        return "{" + ", ".join(f"{_key(key)} = {format_toml(part)}" for key, part in plain.items()) + "}"
    if isinstance(plain, list):
        return "[" + ", ".join(format_toml(part) for part in plain) + "]"
    if isinstance(plain, bool):
        return "true" if plain else "false"
    # JSON's texts are TOML's basic strings, except that TOML wants DEL escaped.
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f") if isinstance(plain, str) else repr(plain)


def template() -> Iterator[str]:
    """Yield the lines of a beginner's file: every setting with its sentence and default, commented out."""
    yield "# Configuration of nagare. Take the # away to change a setting; `nagare config check` reads it again."
    section = ""
    for field in all_fields().values():
        if field.section != section:
            section = field.section
            yield ""
            yield f"[{section}]"
        yield ""
        yield f"# {describe(field)}"
        yield f"# {field.name} = {format_toml(field.default)}"


def describe(field: Field) -> str:
    """Return the sentence of a setting with its unit, bounds and choices."""
    parts = [field.text]
    if field.choices:
        parts.append(f"one of {', '.join(field.choices)}")
    if field.unit:
        parts.append(f"in {field.unit}")
    if field.low is not None and field.high is not None:
        parts.append(f"{field.low:g} to {field.high:g}")
    elif field.low is not None:
        parts.append(f"at least {field.low:g}")
    return "; ".join(parts)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)
