"""Tells which of some blocks do not read back, and takes those out of what is read, so that the others still answer.

Nothing on disk is changed by it: a disk that answers again, or a file that is restored, counts again at the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from nagare.metrics.blocks.catalog import Block
from nagare.metrics.blocks.library import Library
from nagare.metrics.engine import quote_text

# What says nothing about a file: it is as it was once the process has room again.
_NOT_THE_FILE = ("too many open files", "cannot allocate memory", "allocation failure")


@dataclass(frozen=True, slots=True)
class BlockCheck:
    """Reads blocks whole; ``told`` hears of each that does not read back. Used from query threads and maintenance."""

    directory: Path
    library: Library
    told: Callable[[str], None]

    def take_out(self, cursor: duckdb.DuckDBPyConnection, blocks: Iterable[Block]) -> list[str]:
        """Take those of ``blocks`` that do not read back out of the library; return what is wrong with each.

        Raises duckdb.InterruptException and OutOfMemoryException, which say nothing about a block.
        """
        faults: list[str] = []
        for block in blocks:
            fault = self._fault(cursor, block)
            if not fault:
                continue
            faults.append(f"{block.path}: {fault}")
            if self.library.remove(block):
                self.told(f"{block.path}: {fault}; its {block.rows} rows are left out until the next start")
        return faults

    def _fault(self, cursor: duckdb.DuckDBPyConnection, block: Block) -> str:
        path = self.directory / block.path
        if not path.is_file():
            return "the catalog lists this block, but its file is missing"
        source = f"read_parquet({quote_text(str(path))}, hive_partitioning = false)"
        try:
            described = cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608  made by us
            found = cursor.execute(f"SELECT count(*), bit_xor(hash(block)) FROM {source} AS block").fetchone()  # noqa: S608  made by us
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error as error:
            said = str(error).lower()
            return "" if any(sign in said for sign in _NOT_THE_FILE) else "does not read back"
        names = ",".join(str(row[0]) for row in described)
        return "" if found and found[0] == block.rows and names == block.columns else "holds other rows than it had"
