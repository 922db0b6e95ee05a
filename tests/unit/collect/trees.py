"""Captured machines as test data, copies of them that a test may change, and what every collector's tables must hold."""

import shutil
from pathlib import Path
from typing import Any

from nagare.collect.collector import Root, Tables, Tick
from nagare.model.columns import row_count
from nagare.model.tables import TABLES, ColumnType

CAPTURED = Path(__file__).parents[2] / "captured"
_TYPES: dict[ColumnType, tuple[type, ...]] = {
    ColumnType.FLOAT: (float, int),
    ColumnType.INTEGER: (int,),
    ColumnType.TEXT: (str,),
    ColumnType.BOOLEAN: (bool,),
    ColumnType.MAP: (dict,),
}


def root_at(folder: Path) -> Root:
    """Return the root whose trees stand in ``folder``."""
    return Root(proc=folder / "proc", sys=folder / "sys", etc=folder / "etc", run=folder / "run")


def captured_host(name: str) -> Root:
    """Return a captured machine, to read only."""
    return root_at(CAPTURED / "hosts" / name)


def copied_host(name: str, folder: Path) -> Root:
    """Return a captured machine that the test may change."""
    shutil.copytree(CAPTURED / "hosts" / name, folder, dirs_exist_ok=True)
    return root_at(folder)


def captured(path: str) -> bytes:
    """Return one captured output."""
    return (CAPTURED / path).read_bytes()


def at(seconds: float) -> Tick:
    """Return the moment ``seconds`` after the first."""
    return Tick(1_760_000_000_000 + round(seconds * 1000), 100.0 + seconds)


def rows_of(tables: Tables, name: str) -> list[dict[str, Any]]:
    """Return the rows of one table, after checking all of them against the schema."""
    check(tables)
    columns = tables.get(name, {})
    return [{column: values[at_] for column, values in columns.items()} for at_ in range(row_count(columns))]


def check(tables: Tables) -> None:
    """Hold every table against ``model.tables``: the columns, their lengths, the types of their values."""
    for name, columns in tables.items():
        if not columns:
            continue
        table = TABLES[name]
        assert set(columns) == {column.name for column in table.columns}, name
        assert len({len(values) for values in columns.values()}) == 1, name
        for column in table.columns:
            for value in columns[column.name]:
                is_number_only = column.type is not ColumnType.BOOLEAN
                assert value is None or isinstance(value, _TYPES[column.type]), (name, column.name, value)
                assert not (is_number_only and isinstance(value, bool)), (name, column.name, value)
                assert not isinstance(value, int) or abs(value) < 2**63, (name, column.name, value)


def program(folder: Path, name: str, script: str) -> str:
    """Write an executable shell script and return the folder, as a path to look programs up on."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(folder)
