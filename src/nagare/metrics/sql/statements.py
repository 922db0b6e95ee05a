"""Statements that were checked before: a dashboard asks the same ones again and again, only for other times and hosts.

What is kept follows from the statement's form and the tables that exist for the caller alone. The tree is kept as text and
read anew for each use, so that nobody's change of it can reach another query; what texts and parameters decide is decided
each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from nagare.errors import QuerySyntaxError
from nagare.metrics.sql.constants import Constants, Parameters
from nagare.metrics.sql.extent import Reckoning
from nagare.metrics.sql.forms import OTHER_LENGTH, Cut, Template, find_free
from nagare.metrics.sql.macros import Renamed
from nagare.metrics.sql.sandbox import Checked, check

_STATEMENTS = 256
# Of a tree as text: a larger one is a program's, and seldom comes again. All together are some megabytes at the most.
_TREE_LENGTH = 32_768
_Names = tuple[str, ...]
_Places = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Statements that passed, all of one form, by one of them; ``free`` are the places of texts that differ.

    ``sql`` is its text in DuckDB's names, ``is_judged`` says that no parameters decided anything.
    """

    sql: Cut
    template: Template
    free: _Places
    passed: Checked
    is_judged: bool

    @staticmethod
    def of(checked: Checked, parameters: Parameters, template: Template, free: _Places = ()) -> _Kept:
        """Keep ``checked`` without its tree."""
        return _Kept(Cut.of(checked.written.sql), template, free, replace(checked, tree={}), not parameters)

    def checked(self, cut: Cut, parameters: Parameters) -> Checked:
        """Return what stands for ``cut``. Raises QuerySyntaxError."""
        free = cut.picked(self.free)
        tree = self.template.tree(free)
        # The others were judged with texts of that length; shorter ones make nothing larger.
        if parameters or not self.is_judged or not all(len(text) <= OTHER_LENGTH for text in free):
            Reckoning(Constants(parameters)).run(tree)
        if not free:
            return replace(self.passed, tree=tree)
        fixed = {text for place, text in enumerate(cut.texts) if place not in self.free}
        written = Renamed(self.sql.filled(cut.texts), self.passed.written.names)
        # A text that is free at one place and fixed at another is told as part of the form.
        form = f"{self.passed.prefix}{self.sql.holed(self.free)}" if fixed.isdisjoint(free) else ""
        return replace(self.passed, written=written, tree=tree, free=frozenset(free) - fixed, form=form)


class Statements:
    """Checks statements; used from every query thread."""

    def __init__(self) -> None:
        """Begin with none."""
        # Guards the fields below; held for moments.
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, _Names], _Kept] = OrderedDict()
        # The places of free texts, by what stands between texts; None where such a statement came once.
        self._free: OrderedDict[_Names, _Places | None] = OrderedDict()

    def find(self, sql: str, known: Sequence[str], parameters: Parameters) -> Checked | None:
        """Return ``sql`` as ``check`` does if it is known, else None. Raises QuerySyntaxError."""
        names, cut = tuple(known), Cut.of(sql)
        with self._lock:
            key = cut.holed(self._free.get(cut.pieces) or ()), names
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        return None if kept is None else kept.checked(cut, parameters)

    def check(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, known: Sequence[str], parameters: Parameters
    ) -> Checked:
        """Return ``sql`` as a statement that may run, as ``sandbox.check`` does. Raises QuerySyntaxError."""
        if (found := self.find(sql, known, parameters)) is not None:
            return found
        names, cut = tuple(known), Cut.of(sql)
        with self._lock:
            free = self._free.get(cut.pieces, ())
        checked = check(cursor, sql, names, parameters)
        learned = _learned(cursor, cut, checked, names, parameters) if free is None or free else None
        self._keep(cut, names, learned or _Kept.of(checked, parameters, Template.of(checked.tree)))
        return checked if learned is None else learned.checked(cut, parameters)

    def _keep(self, cut: Cut, names: _Names, kept: _Kept) -> None:
        if kept.template.length > _TREE_LENGTH:
            return
        with self._lock:
            if cut.texts:
                # A statement that comes for the first time is kept as it is; the next one like it is worth the trouble.
                self._free[cut.pieces] = kept.free if cut.pieces in self._free else None
                self._free.move_to_end(cut.pieces)
            self._kept[cut.holed(kept.free), names] = kept
            for each in (self._kept, self._free):
                if len(each) > _STATEMENTS:
                    each.popitem(last=False)


def _learned(
    cursor: duckdb.DuckDBPyConnection, cut: Cut, checked: Checked, names: _Names, parameters: Parameters
) -> _Kept | None:
    """Return what is kept of all statements that have other texts than ``cut`` where these are free; None if none are."""
    others = cut.others()
    try:
        other = check(cursor, cut.filled(others), names, parameters)
    except QuerySyntaxError:
        # One that is judged by its texts has none that are free.
        return None
    free = find_free(checked.tree, other.tree, cut.texts, others)
    written = Renamed(Cut.of(checked.written.sql).filled(others), checked.written.names)
    if not free or replace(other, tree={}) != replace(checked, tree={}, written=written):
        return None
    template = Template.of(other.tree, dict(zip(others, cut.texts, strict=True)), [others[place] for place in free])
    return _Kept.of(checked, parameters, template, tuple(free))
