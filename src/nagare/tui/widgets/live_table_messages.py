"""What a live table tells its owner. Handlers are named ``on_live_table_<message>``."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget


class TableMessage(Message, namespace="live_table"):
    """Something happened in ``table``."""

    def __init__(self, table: Widget) -> None:
        """Name the table."""
        super().__init__()
        self.table = table

    @property
    def control(self) -> Widget:
        """The table, for selectors of handlers."""
        return self.table


class RowHighlighted(TableMessage, namespace="live_table"):
    """The selection moved to another row, or to none."""

    def __init__(self, table: Widget, key: str | None) -> None:
        """Name the row."""
        super().__init__(table)
        self.key = key


class RowSelected(TableMessage, namespace="live_table"):
    """A row was opened: Enter or a double click."""

    def __init__(self, table: Widget, key: str) -> None:
        """Name the row."""
        super().__init__(table)
        self.key = key


class SortChanged(TableMessage, namespace="live_table"):
    """The order is another one now."""

    def __init__(self, table: Widget, column: str | None, *, reverse: bool) -> None:
        """Name the column and the direction."""
        super().__init__(table)
        self.column = column
        self.reverse = reverse


class MarksChanged(TableMessage, namespace="live_table"):
    """Other rows are marked now."""

    def __init__(self, table: Widget, keys: frozenset[str]) -> None:
        """Name all marked rows."""
        super().__init__(table)
        self.keys = keys


class FrozenChanged(TableMessage, namespace="live_table"):
    """The list was frozen, or goes on."""

    def __init__(self, table: Widget, *, frozen: bool) -> None:
        """Say which."""
        super().__init__(table)
        self.frozen = frozen
