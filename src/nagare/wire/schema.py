"""JSON schemas of wire types, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec


def schema_components(types: Iterable[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Return the schema of each type, and the components that they refer to."""
    return msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the schema of one type, whole in itself."""
    return msgspec.json.schema(kind)
