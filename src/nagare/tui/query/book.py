"""What a person keeps of their queries on this machine: those that were run, newest first, and those with a name.

One small file, read whole and replaced whole, readable by its owner alone: a statement may name what is nobody else's business.
Every method reads or writes a file, so that it belongs on a thread.
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
from nagare.tui.location import format_window, parse_window
from nagare.tui.query.answer import Asked
from nagare.tui.query.sql_text import LENGTH_LIMIT

NAME = "queries.json"
HISTORY_LIMIT = 200
SAVED_LIMIT = 100
NAME_LIMIT = 60
# Of the whole file; the oldest of the history make room.
FILE_LIMIT_BYTES = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement that was run, or saved under a name: with its window as an address writes it, when, and with how many rows."""

    sql: str
    window: str
    at_ms: int = 0
    name: str = ""
    rows: int | None = None


class QueryBook:
    """The file in ``folder``, which need not exist; ``None`` keeps it in memory alone, as long as this lives."""

    def __init__(self, folder: Path | None) -> None:
        """Know the file; nothing is read yet."""
        self._file = None if folder is None else folder / NAME
        self._memory = b"{}"

    def history(self) -> list[Kept]:
        """Return what was run, the newest first. What cannot be read is nothing."""
        return self._read("history")

    def saved(self) -> list[Kept]:
        """Return what has a name, by name."""
        return sorted(self._read("saved"), key=lambda kept: kept.name.casefold())

    def draft(self) -> str:
        """Return what stood in the field last."""
        found = self._document().get("draft")
        return found if isinstance(found, str) and len(found) <= LENGTH_LIMIT else ""

    def keep_draft(self, sql: str) -> None:
        """Keep what stands in the field, to be there the next time. Raises ReadOnlyError."""
        if sql != self.draft() and len(sql) <= LENGTH_LIMIT:
            self._write(self.history(), self.saved(), sql)

    def note(self, asked: Asked, at_ms: int, rows: int | None) -> None:
        """Put a statement that was run on top; the same text is kept once. Raises ReadOnlyError."""
        new = Kept(asked.sql, format_window(asked.window), at_ms, rows=rows)
        rest = [kept for kept in self.history() if kept.sql != asked.sql]
        self._write([new, *rest][:HISTORY_LIMIT], self.saved())

    def save(self, name: str, sql: str, window: str, at_ms: int) -> None:
        """Keep a statement under ``name``, in the place of another of that name. Raises InputError, LimitExceededError, ReadOnlyError."""
        name = check_name(name)
        others = [kept for kept in self.saved() if kept.name != name]
        if len(others) >= SAVED_LIMIT:
            raise LimitExceededError(
                f"cannot save query {name!r}: {SAVED_LIMIT} are saved", hint="forget one that you do not need"
            )
        self._write(self.history(), [*others, Kept(sql, window, at_ms, name)])

    def forget(self, name: str) -> None:
        """Keep the statement of that name no more. Raises ReadOnlyError."""
        self._write(self.history(), [kept for kept in self.saved() if kept.name != name])

    def _document(self) -> Mapping[str, Any]:
        if self._file is None:
            found: Mapping[str, Any] = json.loads(self._memory)
            return found
        try:
            if self._file.stat().st_size > 2 * FILE_LIMIT_BYTES:
                return {}
            document: Any = json.loads(self._file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def _read(self, part: str) -> list[Kept]:
        try:
            return [kept for item in self._document()[part] if (kept := _kept(item)) is not None]
        except (ValueError, KeyError, TypeError):
            return []

    def _write(self, history: list[Kept], saved: list[Kept], draft: str | None = None) -> None:
        draft = self.draft() if draft is None else draft
        content = _content(history, saved, draft)
        while len(content) > FILE_LIMIT_BYTES and history:
            history = history[: len(history) * 3 // 4]
            content = _content(history, saved, draft)
        if self._file is None:
            self._memory = content
            return
        write_kept(self._file, content)


def check_name(name: str) -> str:
    """Return the name of a query as it is kept. Raises InputError."""
    kept = " ".join(plain(name).split())
    if not 0 < len(kept) <= NAME_LIMIT:
        raise InputError(f"cannot save query: a name has 1 to {NAME_LIMIT} letters")
    return kept


def _content(history: list[Kept], saved: list[Kept], draft: str) -> bytes:
    items = {"history": [_item(kept) for kept in history], "saved": [_item(kept) for kept in saved]}
    document: dict[str, Any] = {**items, "draft": draft}
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _item(kept: Kept) -> dict[str, Any]:
    return {"sql": kept.sql, "window": kept.window, "at_ms": kept.at_ms, "name": kept.name, "rows": kept.rows}


def _kept(item: Mapping[str, Any]) -> Kept | None:
    """Return what stands in the file, None for what this version cannot use."""
    sql, window, rows = item["sql"], item["window"], item.get("rows")
    if not isinstance(sql, str) or not 0 < len(sql) <= LENGTH_LIMIT:
        return None
    try:
        parse_window(str(window))
    except InputError:
        window = "auto"
    name = item.get("name") or ""
    if name and check_name(str(name)) != name:
        return None
    return Kept(sql, str(window), int(item.get("at_ms") or 0), str(name), rows if isinstance(rows, int) else None)
