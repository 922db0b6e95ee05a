"""Makes a lost or broken catalog again from what the block files say about themselves.

Each file carries the range of log records that its rows came from and the blocks that it stands for. A file whose
records the log still holds is left out, because replay brings its rows; a file that a merged one stands for is left
out too. Everything else is adopted. What cannot be made again is which batches were stored before the checkpoint: a
sender that repeats one of those would be stored twice, and the damage list says so.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from nagare.errors import StorageError
from nagare.lib.names import from_path_name
from nagare.metrics.blocks.catalog import Block, Catalog, Rollups, Unrolled
from nagare.metrics.blocks.files import BlockFiles
from nagare.metrics.engine import Engine, quote_text
from nagare.metrics.rollups.hours import hours_of, is_rolled, split_table
from nagare.metrics.rollups.reconcile import reconcile
from nagare.metrics.schema import SQL_TYPES, is_wide
from nagare.model.history import HISTORY_TABLES
from nagare.model.tables import SAMPLES, TABLES, ColumnType

log = logging.getLogger(__name__)

ForeignRow = tuple[str, str, str]
_TYPES = {sql: type_.value for type_, sql in SQL_TYPES.items() if type_ is not ColumnType.TAG}


@dataclass(frozen=True, slots=True)
class Found:
    """A block file and what it says of itself."""

    block: Block
    sources: frozenset[str]
    foreign: tuple[ForeignRow, ...]


def open_catalog(
    catalog: Catalog, files: BlockFiles, engine: Engine, log_first: int | None, damages: list[str]
) -> None:
    """Open ``catalog``, made again from ``files`` when it is gone, empty or broken. Raises StorageError.

    ``log_first`` is the first record that the log can replay, None when it has none at all.
    """
    try:
        catalog.open()
    except StorageError as error:
        catalog.close()
        if not _is_broken(error):
            raise
        damages.append(f"catalog.db: {error.message}; kept as {_move_away(catalog.path)}")
        catalog.open()
    if _is_outdated(catalog, files, log_first):
        catalog.close()
        damages.append(f"catalog.db: it is older than the log and the blocks; kept as {_move_away(catalog.path)}")
        catalog.open()
    paths = sorted(path for path in files.find_files() if path.endswith(".parquet")) if catalog.is_new else []
    if paths:
        _adopt(paths, catalog, files, engine, log_first, damages)


def _is_outdated(catalog: Catalog, files: BlockFiles, log_first: int | None) -> bool:
    """Tell whether the catalog is an earlier one: it misses blocks, and the log no longer has what is in them."""
    if catalog.is_new or log_first is None or log_first <= catalog.checkpoint_index() + 1:
        return False
    listed = {block.path for block in catalog.blocks()}
    return any(path.endswith(".parquet") for path in files.find_files() - listed)


def _move_away(path: Path) -> str:
    """Rename a broken catalog, and its journal, which would be played back into the new one."""
    for suffix in ("", "-journal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            os.replace(source, path.with_name(f"{path.name}.broken{suffix}"))  # noqa: PTH105  the word of the system call
    return f"{path.name}.broken"


def _is_broken(error: StorageError) -> bool:
    return type(error) is StorageError and any(
        sign in error.message for sign in ("malformed", "not a database", "corrupt", "***", "file is encrypted")
    )


def _adopt(  # the arguments are what open_catalog was given
    paths: list[str], catalog: Catalog, files: BlockFiles, engine: Engine, log_first: int | None, damages: list[str]
) -> None:
    found: list[Found] = []
    with engine.cursor() as cursor:
        for path in paths:
            try:
                found.append(read_block(cursor, files.directory, path))
            except (duckdb.Error, ValueError) as error:
                damages.append(f"{path}: cannot be adopted: {str(error).splitlines()[0]}")
    replaced = {source for each in found for source in each.sources}
    kept = [
        each
        for each in found
        if each.block.id not in replaced and (log_first is None or each.block.log_first < log_first)
    ]
    checkpoint = max([(log_first or 1) - 1, *(each.block.log_last for each in kept)])
    with engine.cursor() as cursor:
        rollups = _compare(cursor, files, [each.block for each in kept], damages)
    catalog.adopt([each.block for each in kept], [row for each in kept for row in each.foreign], checkpoint, rollups)
    _set_aside(files, {each.block.path for each in kept}, paths)
    damages.append(
        f"catalog.db was made again from {len(kept)} blocks; batches stored before are not recognised if they are repeated"
    )
    log.warning("catalog_rebuilt blocks=%d", len(kept))


def _compare(cursor: duckdb.DuckDBPyConnection, files: BlockFiles, blocks: list[Block], damages: list[str]) -> Rollups:
    try:
        return reconcile(cursor, str(files.directory), blocks)
    except duckdb.Error as error:
        # A block that does not read back is found by whoever reads it; until then every hour counts as changed.
        damages.append(f"rollups cannot be compared with their rows: {str(error).splitlines()[0]}")
        tables = [block for block in blocks if split_table(block.table)[1] is None and is_rolled(block.table)]
        hours = {(block.table, hour) for block in tables for hour in hours_of(block.min_ms, block.max_ms)}
        return Rollups(tuple(Unrolled(table, hour, 0, 0) for table, hour in hours), 0)


def _set_aside(files: BlockFiles, kept: set[str], paths: list[str]) -> None:
    # Left out, but not removed: a guess may be wrong, and disk is cheaper than data.
    for path in paths:
        if path not in kept:
            files.set_aside(path)


def read_block(cursor: duckdb.DuckDBPyConnection, directory: Path, path: str) -> Found:
    """Return what the block file of that path says of itself. Raises duckdb.Error, ValueError, KeyError."""
    table = from_path_name(Path(path).parts[0])
    day = Path(path).parts[1].removeprefix("date=")
    low, high, _ = Path(path).stem.split("-")
    literal = quote_text(str(directory / path))
    facts = {
        bytes(key).decode(): bytes(value).decode()
        for key, value in cursor.execute(f"SELECT key, value FROM parquet_kv_metadata({literal})").fetchall()  # noqa: S608
    }
    counted = cursor.execute(f"SELECT num_rows FROM parquet_file_metadata({literal})").fetchone()  # noqa: S608
    described = cursor.execute(f"DESCRIBE SELECT * FROM read_parquet({literal}, hive_partitioning = false)").fetchall()  # noqa: S608
    first, last = facts["nagare_log"].split("-")
    names = ",".join(str(row[0]) for row in described)
    size = (directory / path).stat().st_size
    block = Block(
        path, table, day, int(low), int(high), int(counted[0]) if counted else 0, size, names, int(first), int(last)
    )
    declared = TABLES.get(table)
    tags = frozenset(facts.get("nagare_order", "").split(",")) if is_wide(table) else frozenset[str]()
    foreign = tuple(
        (table, str(row[0]), ColumnType.TAG.value if str(row[0]) in tags else _TYPES[str(row[1])])
        for row in described
        if table != SAMPLES.name
        and table not in HISTORY_TABLES
        and split_table(table)[1] is None
        and row[0] not in ("ts", "host")
        and (declared is None or declared.find_column(str(row[0])) is None)
    )
    return Found(block, frozenset(facts.get("nagare_sources", "").split(",")) - {""}, foreign)
