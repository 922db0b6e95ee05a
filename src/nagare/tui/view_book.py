"""What a person keeps of their views of a list on this machine: filter and order under a name, as the address that shows them.

One small file, read whole and replaced whole. Every method reads or writes it, so that it belongs on a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nagare.errors import InputError, LimitExceededError
from nagare.lib.plain_text import plain
from nagare.tui.kept_file import write_kept
from nagare.tui.location import FITTED, Location, format_location, parse_location

NAME = "views.json"
VIEWS_LIMIT = 100
NAME_LIMIT = 60
_FILE_LIMIT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class View:
    """A page with its filter and order; its time is that of whoever opens it."""

    name: str
    location: Location

    @property
    def address(self) -> str:
        """The address that shows it: ``nagare top`` takes it, too."""
        return format_location(self.location)


class ViewBook:
    """The file in ``folder``, which need not exist; ``None`` keeps it in memory alone, as long as this lives."""

    def __init__(self, folder: Path | None) -> None:
        """Know the file; nothing is read yet."""
        self._file = None if folder is None else folder / NAME
        self._memory: list[View] = []

    def saved(self, page: str) -> list[View]:
        """Return the views of ``page``, by name. What cannot be read is nothing."""
        return sorted(
            (view for view in self._all() if view.location.page == page), key=lambda view: view.name.casefold()
        )

    def save(self, name: str, location: Location) -> None:
        """Keep a view under ``name``, in the place of another of that page and name. Raises InputError, LimitExceededError, ReadOnlyError."""
        name = check_view_name(name)
        others = [view for view in self._all() if (view.name, view.location.page) != (name, location.page)]
        if len(others) >= VIEWS_LIMIT:
            raise LimitExceededError(
                f"cannot save view {name!r}: {VIEWS_LIMIT} are saved", hint="forget one that you do not need"
            )
        kept = Location(location.page, filter=location.filter, sort=location.sort, window=FITTED)
        self._write([*others, View(name, kept)])

    def forget(self, name: str, page: str) -> None:
        """Keep that view no more. Raises ReadOnlyError."""
        self._write([view for view in self._all() if (view.name, view.location.page) != (name, page)])

    def _all(self) -> list[View]:
        if self._file is None:
            return list(self._memory)
        try:
            with self._file.open("rb") as file:
                document: Any = json.loads(file.read(_FILE_LIMIT_BYTES))
            return [view for item in document["views"] if (view := _view(item)) is not None]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return []

    def _write(self, views: list[View]) -> None:
        if self._file is None:
            self._memory = views
            return
        document = {"views": [{"name": view.name, "address": view.address} for view in views]}
        content = json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"
        write_kept(self._file, content)


def check_view_name(name: str) -> str:
    """Return the name of a view as it is kept. Raises InputError."""
    kept = " ".join(plain(name).split())
    if not 0 < len(kept) <= NAME_LIMIT:
        raise InputError(f"cannot save view: a name has 1 to {NAME_LIMIT} letters")
    return kept


def _view(item: Mapping[str, Any]) -> View | None:
    """Return what stands in the file, None for what this version cannot use."""
    name, address = item["name"], item["address"]
    try:
        if not isinstance(name, str) or check_view_name(name) != name or not isinstance(address, str):
            return None
        return View(name, parse_location(address))
    except InputError:
        return None
