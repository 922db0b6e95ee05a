"""A batch that was checked while it was decoded is stored, refused, repeated and replayed like any other."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nagare.lib.segment_log import read_log
from nagare.metrics.store import MetricStore
from nagare.model.tables import TABLES, ColumnType
from nagare.wire.batch import Batch, Refusal
from nagare.wire.binary_batch import encode_binary
from nagare.wire.binary_columns import find_ordinary
from nagare.wire.codec import ENCODINGS, decode, encode, pack
from nagare.wire.sound_batch import SoundBatch
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows

ROWS_AT_MOST = 4
FUTURE_MS = START_MS + 3_600_000


def _cell(type_: ColumnType, chance: random.Random) -> Any:
    if chance.random() < 0.2:
        return None
    match type_:
        case ColumnType.FLOAT:
            return chance.choice([chance.random(), chance.randrange(9), -0.0])
        case ColumnType.INTEGER:
            return chance.choice([chance.randrange(2**63), -(2**63)])
        case ColumnType.TEXT:
            return chance.choice(["", "café", f"k{chance.randrange(9)}"])
        case _:
            return chance.random() < 0.5


def _tables(chance: random.Random) -> dict[str, Any]:
    tables = {}
    for name in chance.sample(sorted(set(TABLES) - {"events"}), 4):
        count = chance.randint(1, ROWS_AT_MOST)
        columns: dict[str, Any] = {"ts": [START_MS + chance.randrange(1000) for _ in range(count)]}
        for column in TABLES[name].columns:
            kind = chance.random()
            if kind > 0.2:
                columns[column.name] = [None if kind < 0.3 else _cell(column.type, chance) for _ in range(count)]
        tables[name] = columns
    return tables


def _sound(batch: Batch, encoding: str = "zstd", *, in_binary: bool = False) -> SoundBatch:
    content = (encode_binary(batch) if in_binary else None) or encode(batch)
    sound = find_ordinary(content, encoding, pack(content, encoding))
    assert sound is not None
    return sound


async def _all_rows(store: MetricStore) -> dict[str, list[list[Any]]]:
    names = sorted(set(TABLES) - {"events"})
    return {name: await rows(store, f"SELECT * FROM {name} ORDER BY ALL") for name in names}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MetricStore]:
    async with make_store(tmp_path) as store:
        yield store


# Of JSON alone, of binary alone, and of both in turn.
@pytest.mark.parametrize(("seed", "binary_share"), [(1, 0.0), (2, 1.0), (3, 0.5)])
async def test_both_ways_answer_alike_at_once_after_a_restart_and_after_a_flush(
    tmp_path: Path, seed: int, binary_share: float
) -> None:
    chance = random.Random(seed)
    batches = [make_batch(seq, _tables(chance), host=f"web{seq % 3}") for seq in range(40)]
    async with make_store(tmp_path / "slow") as slow, make_store(tmp_path / "fast") as fast:
        for batch in batches:
            # As it comes over the wire: whole floats of JSON are integers to the slow way.
            assert await slow.append(decode(encode(batch), Batch)) == await fast.append(
                _sound(batch, chance.choice(ENCODINGS), in_binary=chance.random() < binary_share)
            )
        expected = await _all_rows(slow)
        assert sum(map(len, expected.values())) > len(batches)
        assert await _all_rows(fast) == expected
    async with make_store(tmp_path / "fast") as fast:
        assert fast.status().damages == []
        assert await _all_rows(fast) == expected
        await fast.flush()
        assert await _all_rows(fast) == expected
        assert all([(await fast.append(_sound(batch))).duplicate for batch in batches])


@pytest.mark.parametrize("in_binary", [False, True])
async def test_the_log_holds_the_bytes_as_they_were_sent(tmp_path: Path, *, in_binary: bool) -> None:
    sound = _sound(make_batch(1), in_binary=in_binary)
    async with make_store(tmp_path) as store:
        await store.append(sound)
        assert files(tmp_path / "log", "*.seg")
        assert [payload[10:] for _, payload in read_log(tmp_path / "log", 1, [])] == [sound.body]


@pytest.mark.parametrize("in_binary", [False, True])
async def test_rows_out_of_their_time_are_refused_one_by_one(store: MetricStore, *, in_binary: bool) -> None:
    load = {"ts": [START_MS, FUTURE_MS, 1], "load1": [1.0, 2.0, 3.0]}
    reply = await store.append(_sound(make_batch(1, {"load": load}), in_binary=in_binary))
    assert (reply.accepted, reply.refused) == (
        1,
        [
            Refusal("load", [2], "stale: older than raw retention"),
            Refusal("load", [1], "future: ahead of the server's clock"),
        ],
    )
    assert await rows(store, "SELECT load1 FROM load") == [[1.0]]


async def test_a_repeat_and_what_was_replaced_are_duplicates(store: MetricStore) -> None:
    assert not (await store.append(_sound(make_batch(3, replaces=[1, 2])))).duplicate
    for seq in (1, 2, 3):
        assert (await store.append(_sound(make_batch(seq)))).duplicate
    assert (await store.append(make_batch(3))).duplicate
    assert (await store.append(_sound(make_batch(9, replaces=[1, 2])))).duplicate


async def test_a_table_with_more_columns_than_are_allowed_now_is_refused(tmp_path: Path) -> None:
    foreign = {f"x{number}": [1.0] for number in range(60)}
    async with make_store(tmp_path) as store:
        await store.append(make_batch(1, {"load": {"ts": [START_MS], **foreign}}))
    async with make_store(tmp_path, column_limit=64) as store:
        slow = await store.append(make_batch(2))
        assert slow.refused[0].reason.startswith("too many columns")
        assert (await store.append(_sound(make_batch(3)))).refused == slow.refused
