"""The tree of routes as a file writes it: what a node does not say its parent does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from nagare.errors import InputError
from nagare.model.alert.matcher import MATCHERS_LIMIT, Matcher, parse_matcher
from nagare.model.fields import Fields
from nagare.model.notify.reading.parts import DAY, Use, Uses, read_names
from nagare.model.notify.route import EVERYTHING, Route

ROUTES_LIMIT = 500
DEPTH_LIMIT = 8
LABELS_LIMIT = 20
MUTES_LIMIT = 20
# It stands in every row of what was told.
PATH_LIMIT = 1000
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.]{0,62}")


def read_root(fields: Fields, uses: Uses) -> Route:
    """Return the tree whose root stands in ``fields``."""
    fields.text("receiver")
    fields.only(("matchers", "continue"), "is nothing that the root may say: it takes whatever no other route does")
    return _Tree(uses).read(fields, Route("", ""), 1)


class _Tree:
    """Reads the nodes, and knows which are there."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._paths = set[str]()

    def read(self, fields: Fields, parent: Route, depth: int) -> Route:
        """Return the node in ``fields`` and all below it."""
        matchers = _matchers(fields)
        node = Route(
            path=self._path(fields, parent, matchers, depth),
            receiver=self._receiver(fields, parent),
            matchers=matchers,
            group_by=_group_by(fields, parent),
            group_wait_seconds=_seconds(fields, "group_wait", parent.group_wait_seconds, 0.0, DAY),
            group_interval_seconds=_seconds(fields, "group_interval", parent.group_interval_seconds, 1.0, 7 * DAY),
            repeat_interval_seconds=_seconds(fields, "repeat_interval", parent.repeat_interval_seconds, 1.0, 31 * DAY),
            mutes=self._mutes(fields, parent),
            goes_on=fields.flag("continue"),
        )
        node = replace(node, routes=tuple(self._below(fields, node, depth)))
        fields.finish()
        return node

    def _below(self, fields: Fields, node: Route, depth: int) -> Iterator[Route]:
        tables = fields.tables("routes")
        if tables and depth == DEPTH_LIMIT:
            fields.fault("routes", f"is too deep: {DEPTH_LIMIT} levels at the most, with the root")
            return
        for table in tables:
            if len(self._paths) == ROUTES_LIMIT:
                table.faults.add("route", f"has too many routes, {ROUTES_LIMIT} at the most")
                return
            yield self.read(table, node, depth + 1)

    def _path(self, fields: Fields, parent: Route, matchers: tuple[Matcher, ...], depth: int) -> str:
        # In whatever order they are written: who puts them in another order means the same route.
        own = "{" + ", ".join(sorted(map(str, matchers))) + "}"
        path = "" if depth == 1 else own if depth == 2 else f"{parent.path}/{own}"
        if len(path) > PATH_LIMIT:
            fields.fault("matchers", f"has {len(path)} characters with those above, {PATH_LIMIT} at the most")
        if path in self._paths:
            fields.fault("matchers", f"is that of another route: {path[:80]}")
        self._paths.add(path)
        return path

    def _receiver(self, fields: Fields, parent: Route) -> str:
        name = fields.text("receiver", parent.receiver)
        if fields.has("receiver"):
            self._uses.add(fields.place_of("receiver"), name, Use.ANYBODY)
            if not name:
                fields.fault("receiver", "is empty")
        return name

    def _mutes(self, fields: Fields, parent: Route) -> tuple[str, ...]:
        names = read_names(fields, "mutes", MUTES_LIMIT, self._uses, Use.MUTE)
        return names if fields.has("mutes") else parent.mutes


def _matchers(fields: Fields) -> tuple[Matcher, ...]:
    """Return those of a node; none takes everything that comes to its parent."""
    texts = fields.texts("matchers")
    if len(texts) > MATCHERS_LIMIT:
        fields.fault("matchers", f"has {len(texts)}, {MATCHERS_LIMIT} at the most")
    found = []
    for place, text in enumerate(texts[:MATCHERS_LIMIT]):
        try:
            found.append(parse_matcher(text))
        except InputError as error:
            fields.fault(f"matchers.{place}", error.message + (f"; {error.hint}" if error.hint else ""))
    return tuple(found)


def _group_by(fields: Fields, parent: Route) -> tuple[str, ...]:
    names = fields.texts("group_by")
    if not fields.has("group_by"):
        return parent.group_by
    if len(names) > LABELS_LIMIT:
        fields.fault("group_by", f"has {len(names)} labels, {LABELS_LIMIT} at the most")
    if EVERYTHING in names and len(names) > 1:
        fields.fault("group_by", f"has more than {EVERYTHING}, which is every label")
    for place, name in enumerate(names[:LABELS_LIMIT]):
        if name != EVERYTHING and _LABEL.fullmatch(name) is None:
            fields.fault(f"group_by.{place}", "must be the name of a label: letters, digits and underscore")
        if name in names[:place]:
            fields.fault(f"group_by.{place}", "is there already")
    return names[:LABELS_LIMIT]


def _seconds(fields: Fields, key: str, above: float, low: float, high: float) -> float:
    return above if fields.raw(key) is None else fields.seconds(key, None, low, high)
