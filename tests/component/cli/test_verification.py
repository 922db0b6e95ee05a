"""``nagare doctor --verify`` over installations in which something changed, at rest and beside a running server."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nagare.config.places import Places
from tests.support import warm
from tests.support.metric_store import files, make_batch, make_store
from tests.support.processes import child_environment, nagare_argv, serving


def _fill(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    asyncio.run(_store(folder))
    with closing(sqlite3.connect(Places(folder).records)) as records:
        records.execute("create table notes (id text)")


async def _store(folder: Path) -> None:
    async with make_store(folder) as store:
        for seq in range(3):
            await store.append(make_batch(seq))
            await store.flush()
        for seq in range(3, 8):
            await store.append(make_batch(seq))


def _verify(folder: Path) -> tuple[int, list[dict[str, Any]], str]:
    ended = warm.run(
        nagare_argv("--data", folder, "doctor", "--verify", "-o", "json"), capture_output=True, text=True, check=False,
        timeout=60, env=child_environment(),
    )  # fmt: skip
    return ended.returncode, json.loads(ended.stdout or "[]"), ended.stderr


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


def _flip_block(folder: Path) -> None:
    _flip(files(folder, "metrics/load/*/*.parquet")[1], 40)


def _remove_block(folder: Path) -> None:
    files(folder, "metrics/load/*/*.parquet")[1].unlink()


def _flip_record(folder: Path) -> None:
    (segment,) = files(folder, "log/*.seg")
    _flip(segment, segment.stat().st_size // 2)


def _spoil(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(b"x" * 5000)

    return spoil


def test_a_sound_installation_has_no_finding_and_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _fill(folder)
    before = {path: path.stat().st_mtime_ns for path in files(folder, "**/*")}
    status, findings, said = _verify(folder)
    assert (status, findings) == (0, [])
    assert "read 3 blocks" in said
    assert "1 segments (5 records), the catalog, the records and the bus: 0 bad" in said
    assert {path: path.stat().st_mtime_ns for path in files(folder, "**/*")} == before


@pytest.mark.parametrize(
    ("ruin", "file", "fault", "lost"),
    [
        (_flip_block, "metrics/load/date=", "does not read back: holds other bytes", "1 rows of load, 2025-10-09"),
        (_remove_block, "metrics/load/date=", "file is missing", "1 rows of load, 2025-10-09"),
        (_flip_record, "log/0000000000000004.seg", "bytes are not a record or fail their checksum", "log record 6"),
        (_spoil("catalog.db"), "catalog.db", "not a database", "names of stored batches"),
        (_spoil("records.db"), "records.db", "not a database", "hosts, tokens"),
    ],
)
def test_a_fault_is_named_with_what_it_costs(
    ruin: Callable[[Path], None], file: str, fault: str, lost: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    _fill(folder)
    ruin(folder)
    status, (finding,), _ = _verify(folder)
    assert status == 1
    assert finding["verdict"] == "bad"
    assert finding["file"].startswith(file)
    assert fault in finding["fault"]
    assert lost in finding["lost"]
    assert finding["place"].startswith("bytes ") == file.startswith("log/")


def test_the_end_of_an_interrupted_write_is_only_worth_knowing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _fill(folder)
    (segment,) = files(folder, "log/*.seg")
    segment.write_bytes(segment.read_bytes()[:-3])
    status, (finding,), _ = _verify(folder)
    assert status == 0
    assert finding["verdict"] == "warn"
    assert "interrupted write" in finding["fault"]


def test_a_table_for_people_says_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _fill(folder)
    _flip_block(folder)
    ended = warm.run(
        nagare_argv("--data", folder, "doctor", "--verify", "-o", "table"), capture_output=True, text=True, check=False,
        timeout=60, env=child_environment(),
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stdout.startswith("bad   metrics/load/")
    assert "lost: 1 rows of load" in ended.stdout
    assert "\r" not in ended.stderr, "progress is for a terminal"


def test_nothing_to_verify_is_said(tmp_path: Path) -> None:
    status, _, said = _verify(tmp_path / "none")
    assert status == 5
    assert "there is none" in said


def test_it_works_beside_a_running_server(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _fill(folder)
    with serving(folder, environment=child_environment(NAGARE_STORAGE__SCRUB_BYTES="0")):
        status, findings, said = _verify(folder)
        assert (status, findings) == (0, []), said
        _flip_block(folder)
        status, (finding,), _ = _verify(folder)
        assert status == 1
        assert "holds other bytes" in finding["fault"]
