"""Reads who depends on whom from a file: edges as CSV or as JSON in the forms that other tools write."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nagare.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from nagare.insights.ranking.graph import DependencyGraph

# What a fleet's graph needs is far less.
_LIMIT_BYTES = 16 << 20
_EDGES_LIMIT = 200_000
# Names of the two ends, caller first; the last pair says it the other way round.
_ENDS = (
    ("caller", "callee"), ("source", "target"), ("from", "to"), ("client", "server"), ("parent", "child"), ("src", "dst"),
    ("upstream_caller", "downstream_callee"), ("component", "depends_on"), ("service", "depends_on"),
)  # fmt: skip
_REVERSED = (("cause", "effect"), ("dependency", "dependent"))
_HINT = "a CSV with columns caller,callee, or JSON: [[caller, callee], …] or {caller: [callee, …]}"


def read_graph(path: Path) -> DependencyGraph:
    """Return the graph in ``path``. Raises NotFoundError and InputError."""
    from nagare.insights.ranking.graph import DependencyGraph

    text = _read(path)
    edges = list(_edges_of_json(path, text) if text.lstrip()[:1] in ("[", "{") else _edges_of_csv(path, text))
    if not edges:
        raise InputError(f"cannot read graph {path}: it has no edges", hint=_HINT)
    if len(edges) > _EDGES_LIMIT:
        raise InputError(f"cannot read graph {path}: it has more than {_EDGES_LIMIT} edges")
    return DependencyGraph.of_edges(edges)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LIMIT_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFoundError(f"cannot read graph {path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"cannot read graph {path}: {(error.strerror or 'unreadable').lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read graph {path}: not UTF-8 at byte {error.start}") from None
    if len(content) > _LIMIT_BYTES:
        raise InputError(f"cannot read graph {path}: it is larger than {_LIMIT_BYTES >> 20} MiB")
    return text


def _edges_of_csv(path: Path, text: str) -> Iterator[tuple[str, str]]:
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    if any(len(row) < 2 for row in rows):
        raise InputError(f"cannot read graph {path}: a line has less than two columns", hint=_HINT)
    places = _places([cell.strip().lower() for cell in rows[0]]) if rows else None
    first, second = places or (0, 1)
    for row in rows[1:] if places else rows:
        if max(first, second) < len(row):
            yield row[first].strip(), row[second].strip()


def _places(header: list[str]) -> tuple[int, int] | None:
    """Return the columns of caller and callee by their names, None where the first line is an edge already."""
    for caller, callee in _ENDS:
        if caller in header and callee in header:
            return header.index(caller), header.index(callee)
    for callee, caller in _REVERSED:
        if caller in header and callee in header:
            return header.index(caller), header.index(callee)
    return None


def _edges_of_json(path: Path, text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"cannot read graph {path}: no JSON: {error}") from None
    if isinstance(found, dict):
        inside = next((found[key] for key in ("edges", "links") if isinstance(found.get(key), list)), None)
        if inside is None:
            yield from _of_mapping(path, found)
            return
        found = inside
    for edge in found:
        yield _edge(path, edge)


def _of_mapping(path: Path, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for caller, callees in found.items():
        if not isinstance(callees, list):
            raise InputError(f"cannot read graph {path}: {caller!r} has no list of what it calls", hint=_HINT)
        for callee in callees:
            yield caller, str(callee)


def _edge(path: Path, edge: Any) -> tuple[str, str]:
    if isinstance(edge, dict):
        lowered = {str(key).lower(): value for key, value in edge.items()}
        keys = list(lowered)
        if places := _places(keys):
            return str(lowered[keys[places[0]]]), str(lowered[keys[places[1]]])
    elif isinstance(edge, list) and len(edge) >= 2:
        return str(edge[0]), str(edge[1])
    raise InputError(f"cannot read graph {path}: {json.dumps(edge)[:80]} is no edge", hint=_HINT)
