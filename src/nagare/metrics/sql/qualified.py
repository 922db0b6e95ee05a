"""``influx.<measurement>``: the one schema that a statement may name, put into the text as the name of its view."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nagare.errors import QuerySyntaxError
from nagare.metrics.engine import quote_name
from nagare.model.wide import INFLUX_PREFIX

_SCHEMA = INFLUX_PREFIX.removesuffix(".")
_WRITTEN = re.compile(r"""(?:"(?:[^"]|"")*+"|\w++)\s*+\.\s*+(?:"(?:[^"]|"")*+"|[\w$]++)""")


def unqualified(sql: str, tree: Any) -> str:
    """Return ``sql``, of which ``tree`` was parsed, with each ``influx.name`` as one quoted name, still called ``name``.

    Raises QuerySyntaxError for a name that is written in an unusual way.
    """
    content = sql.encode()
    for start, node in sorted(_places(tree).items(), reverse=True):
        name = _path(node)[1]
        rest = content[start:].decode()
        written = _WRITTEN.match(rest)
        if written is None:
            raise QuerySyntaxError(f"cannot query {name!r} in this form", hint=f'write {_SCHEMA}."{name}"')
        alias = "" if node.get("alias") else f" AS {quote_name(name)}"
        named = f"{quote_name(INFLUX_PREFIX + name)}{alias}{rest[written.end() :]}"
        content = content[:start] + named.encode()
    return content.decode()


def _places(tree: Any) -> dict[int, Mapping[str, Any]]:
    """Return the tables of the schema in ``tree`` by their place in the text."""
    places: dict[int, Mapping[str, Any]] = {}
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE" and len(path := _path(node)) == 2 and path[0].lower() == _SCHEMA:
                places[int(node["query_location"])] = node
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return places


def _path(node: Mapping[str, Any]) -> list[str]:
    return [str(part) for part in (node.get("qualified_name") or {}).get("path", ())]
