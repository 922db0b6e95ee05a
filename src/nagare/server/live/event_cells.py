"""What a host may say in the table ``events`` of its batch: as itself, and in the four severities; pure checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.errors import InputError
from nagare.model.event import Severity
from nagare.server.hub import EVENTS_TABLE
from nagare.wire.batch import Cell

SOURCE = "agent"
_SEVERITIES = frozenset(int(severity) for severity in Severity)


def check_event_cells(tables: Mapping[str, Mapping[str, Sequence[Cell]]]) -> None:
    """Accept the events of a batch, if there are any. Raises InputError that points at the column."""
    columns = tables.get(EVENTS_TABLE)
    if columns is None:
        return
    if not all(_is_severity(cell) for cell in columns.get("severity", ())):
        raise _fault("severity", "0 info, 1 warning, 2 high, 3 critical are lawful")
    if not all(cell in (None, SOURCE) for cell in columns.get("source", ())):
        raise _fault("source", f"a host speaks as {SOURCE!r} only")


def _is_severity(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, int) and not isinstance(cell, bool) and cell in _SEVERITIES)


def _fault(column: str, cause: str) -> InputError:
    return InputError(
        f"cannot accept batch: tables/{EVENTS_TABLE}/{column}: {cause}",
        errors=[{"pointer": f"#/tables/{EVENTS_TABLE}/{column}", "detail": cause}],
    )
