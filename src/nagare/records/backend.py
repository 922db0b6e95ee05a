"""What the two databases of records differ in; everything else is one code.

A backend opens connections whose transactions mean the same: a read sees one state, writes come one after the other,
and a transaction that ended is durable. What a feature does inside of them it does on both.
"""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Engine


class Backend(Protocol):
    """One database, not yet opened."""

    @property
    def place(self) -> str:
        """Where it is, for people; never a secret."""

    @property
    def readers(self) -> int:
        """How many connections may read at one time."""

    def serve_alone(self) -> None:
        """Let nobody else write for as long as an engine that writes is connected; before the engines are made."""

    def prepare(self) -> None:
        """Make what must be there before the first connection."""

    def make_engine(self, connections: int, *, writes: bool) -> Engine:
        """Return an engine for as many connections, all of which write or all of which only read."""

    def keep_copy(self, revision: str) -> None:
        """Copy what is there before migrations change it from ``revision``."""
