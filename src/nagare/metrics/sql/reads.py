"""What EXPLAIN says before the plan: which blocks, how many rows of the head and which tier a statement reads.

It is read off the views that were made for the statement, so that it cannot tell another story than they do.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from nagare.metrics.blocks.library import Snapshot
from nagare.metrics.engine import quote_text
from nagare.metrics.rollups.hours import split_table
from nagare.metrics.rollups.tiers import Choice, sources_of
from nagare.metrics.sql.sandbox import Checked
from nagare.model.tables import SAMPLES

# The key of its line in what EXPLAIN answers.
READS = "reads"


def explain_reads(cursor: duckdb.DuckDBPyConnection, checked: Checked, choice: Choice, whole: Snapshot) -> str:
    """Return what ``checked`` reads of ``whole`` by the views of its ``choice`` on ``cursor``. Raises duckdb.Error."""
    views = {str(node.get("table_name")).lower() for node in sources_of(choice.checked.tree)}
    found = cursor.execute("SELECT view_name, sql FROM duckdb_views() WHERE temporary").fetchall()
    text = " ".join(str(sql) for name, sql in found if str(name).lower() in views)
    read = {
        table: [block for block in blocks if quote_text(block.path)[1:] in text]
        for table, blocks in whole.blocks.items()
    }
    listed = {table: blocks for table, blocks in read.items() if blocks or table in checked.tables}
    blocks = [block for group in listed.values() for block in group]
    total = sum(len(whole.blocks[table]) for table in listed)
    named = ", ".join(f"{table} {len(group)} of {len(whole.blocks[table])}" for table, group in sorted(listed.items()))
    return "\n".join(
        [
            f"blocks: {len(blocks)} of {total}{f' ({named})' if named else ''}",
            f"rows: {sum(block.rows for block in blocks)} in {sum(block.bytes for block in blocks)} bytes",
            f"head: {_head_rows(checked.tables, whole)} rows",
            f"tier: {choice.tier}",
        ]
    )


def _head_rows(tables: Collection[str], whole: Snapshot) -> int:
    """Return the rows that the head has of ``tables``; a rollup reads the rows of its table."""
    bases = {split_table(table)[0] for table in tables}
    rows = 0
    for generation in whole.generations:
        rows += sum(table.rows for name, table in generation.tables.items() if name in bases)
        rows += generation.samples.count if SAMPLES.name in bases else 0
    return rows
