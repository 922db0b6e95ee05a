"""What is taken away: rows as tab separated text for the clipboard or as CSV for a file, charts as SVG. Values as measured, not as rounded."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from textual.app import App

from nagare.errors import ReadOnlyError
from nagare.lib.atomic_file import write_atomic
from nagare.lib.plain_text import plain
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_store import RowStore

# A page holds it whole; tables of a thousand hosts are a fifth of it.
BROWSER_LIMIT_CHARACTERS = 2**20
# A spreadsheet runs a cell that begins so; foreign text must stay text.
_FORMULA = ("=", "+", "-", "@", "\t")


def csv_text(columns: Sequence[ColumnSpec], store: RowStore, keys: Sequence[str]) -> str:
    """Return the rows of ``keys`` with all columns but curves and those without a title, headed by the columns' keys."""
    shown = [column for column in columns if column.kind is not CellKind.SPARK and column.title]
    rows = ([store.value(key, column.key) for column in shown] for key in keys if key in store)
    return rows_csv([column.key for column in shown], rows)


def rows_csv(names: Sequence[str], rows: Iterable[Sequence[Any]], *, is_exact: bool = False) -> str:
    """Return rows as CSV below their names; nothing stands where there is no value. ``is_exact`` keeps every digit."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_cell(name) for name in names])
    cell = _exact_cell if is_exact else _cell
    writer.writerows([cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"
    text = plain(str(value))
    return "'" + text if text.startswith(_FORMULA) else text


def _exact_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict | list):
        return _cell(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return _cell(value)


def file_name(what: str, moment: datetime, form: str = "csv") -> str:
    """Return a name that sorts by time and says what it holds: ``nagare-hosts-20260131-140500.csv``."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in what)[:80]
    return f"nagare-{kept}-{moment:%Y%m%d-%H%M%S}.{form}"


def new_path(folder: Path, name: str) -> Path:
    """Return where a file of that name may be written: with a number, where there is one already."""
    path = first = folder / name
    for number in range(2, 100):
        if not path.exists():
            break
        path = first.with_stem(f"{first.stem}-{number}")
    return path


def keep(app: App[Any], name: str, text: str) -> str:
    """Write ``text`` to a file here, or give it to the browser of who looks from there; return its name.

    Made for a thread beside the app's. Raises ReadOnlyError.
    """
    if not app.is_web:
        return write_new(Path.cwd(), name, text).name
    if len(text) > BROWSER_LIMIT_CHARACTERS:
        raise ReadOnlyError(
            f"cannot give your browser {len(text)} characters: {BROWSER_LIMIT_CHARACTERS} are the most",
            hint="filter, or use nagare top in a terminal",
        )
    app.call_from_thread(partial(app.deliver_text, io.StringIO(text), save_filename=name))
    return name


def write_new(folder: Path, name: str, text: str) -> Path:
    """Write ``text`` and return where; an existing file is never replaced. Raises ReadOnlyError."""
    path = new_path(folder, name)
    try:
        write_atomic(path, text.encode(), mode=0o644, durable=False)
    except OSError as error:
        cause = (error.strerror or "unwritable").lower()
        raise ReadOnlyError(f"cannot write {path}: {cause}", hint="start nagare top in a folder of yours") from error
    return path
