"""Blocks of nodes on the map: one alone, or those that depend on the same inside a frame."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """Nodes that stand together. ``row`` and ``column`` are its upper left cell; a frame takes a cell on every side."""

    nodes: tuple[str, ...]
    uppers: tuple[str, ...]
    width: int
    height: int
    columns: int
    row: int = 0
    column: int = 0

    @property
    def is_framed(self) -> bool:
        """Whether it has a frame around it."""
        return len(self.nodes) > 1


Bands = list[list[Block]]
