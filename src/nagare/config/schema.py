"""The JSON Schema of ``nagare.toml``, made from the settings themselves; editors check a file against it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from nagare.config.fields import Field, all_fields, fields_of, sections
from nagare.config.show import plain_value


def schema() -> dict[str, Any]:
    """Return the schema."""
    tables: dict[str, Any] = {
        name: {"type": "object", "additionalProperties": False, "properties": {}} for name in sections()
    }
    properties: dict[str, Any] = {}
    for field in all_fields().values():
        target = tables[field.section]["properties"] if field.section else properties
        target[field.name] = _property(field)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nagare.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": properties | tables,
    }


def _property(field: Field) -> dict[str, Any]:
    described = _type(field, field.type) | {"description": field.text}
    if field.default is not None:
        described["default"] = plain_value(field.default)
    if field.unit:
        described["x-unit"] = field.unit
    described["x-restart"] = field.restart
    return described


def _type(field: Field, type_: Any) -> dict[str, Any]:
    origin = get_origin(type_) or type_
    if origin is tuple:
        element = get_args(type_)[0]
        return {"type": "array", "items": {"type": "string"} if element is str else _table(element)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(field, get_args(type_)[1])}
    if origin is bool:
        return {"type": "boolean"}
    if origin is int or origin is float:
        return _number(field, "integer" if origin is int else "number")
    if origin is str and field.choices:
        return {"enum": list(field.choices)}
    return {"type": "string", "format": "path"} if origin is Path else {"type": "string"}


def _number(field: Field, kind: str) -> dict[str, Any]:
    number: dict[str, Any] = {"type": kind}
    if field.low is not None:
        number["minimum"] = field.low
    if field.high is not None:
        number["maximum"] = field.high
    if (field.unit == "seconds" and kind == "number") or field.unit == "bytes":
        example = "30s" if field.unit == "seconds" else "256MiB"
        return {"anyOf": [number, {"type": "string", "examples": [example]}]}
    return number


def _table(kind: type) -> dict[str, Any]:
    properties = {field.key: _property(field) for field in fields_of(kind)}
    return {"type": "object", "additionalProperties": False, "properties": properties}
