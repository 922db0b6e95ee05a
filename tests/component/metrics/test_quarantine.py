"""Flipped bits in blocks: never a wrong row, always a name, and the rest answers."""

import asyncio
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagare.config.settings import Settings
from nagare.errors import CorruptBlockError
from nagare.lib.clock import ManualClock
from nagare.metrics.blocks.checksum import file_checksum, named_checksum
from nagare.metrics.offline import OfflineStore
from nagare.metrics.store import MetricStore
from nagare.model.samples import SamplesReply
from tests.support.metric_store import START_MS, files, make_batch, make_store, rows
from tests.support.samples import make_samples

CORES = "SELECT cores FROM load ORDER BY 1"
DAY_MS = 86_400_000


async def _fill(folder: Path, count: int) -> list[Path]:
    async with make_store(folder) as store:
        for seq in range(count):
            await store.append(make_batch(seq))
            await store.flush()
    return files(folder, "metrics/load/*/*.parquet")


def _flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def _value_bit(path: Path) -> int:
    """Return a bit of the page that holds a value, which decodes to another value without a word."""
    from pyarrow import parquet

    found = parquet.read_metadata(path).row_group(0)
    places = {found.column(at).path_in_schema: found.column(at) for at in range(found.num_columns)}
    chunk = places["load1"]
    place: int = chunk.data_page_offset + chunk.total_compressed_size - 2
    return place * 8


async def test_the_name_of_a_block_ends_in_its_checksum(tmp_path: Path) -> None:
    (block,) = await _fill(tmp_path, 1)
    assert named_checksum(block.name) == zlib.crc32(block.read_bytes()) == file_checksum(block)
    assert named_checksum("load/date=2025-10-09/1-2-00112233445566ff.parquet") is None


async def test_a_bit_that_flips_without_a_word_fails_the_first_query_and_is_set_aside(tmp_path: Path) -> None:
    blocks = await _fill(tmp_path, 3)
    _flip(blocks[1], _value_bit(blocks[1]))
    async with OfflineStore(Settings(tmp_path)) as offline:
        with pytest.raises(CorruptBlockError):
            await rows(offline, CORES)
        assert await rows(offline, CORES) == [[0], [2]]
    assert blocks[1].exists(), "a reader of a stopped installation changes nothing"
    async with make_store(tmp_path) as store:
        assert store.status().unverified_bytes == sum(path.stat().st_size for path in blocks)
        with pytest.raises(CorruptBlockError, match=f"{blocks[1].name}: does not read back: holds other bytes"):
            await rows(store, CORES)
        assert await rows(store, CORES) == [[0], [2]]
        aside = blocks[1].with_name(f"{blocks[1].name}.aside")
        assert aside.exists()
        assert not blocks[1].exists()
        (damage,) = store.status().damages
        assert "its 1 rows are left out and kept as load/" in damage
        assert store.status().quarantined_total == 1
        assert store.status().unverified_bytes == 0
    async with make_store(tmp_path) as store:
        assert "missing" in store.status().damages[0]
        assert await rows(store, CORES) == [[0], [2]]
    _flip(aside, _value_bit(aside))
    aside.rename(blocks[1])
    async with make_store(tmp_path) as store:
        assert await rows(store, CORES) == [[0], [1], [2]], "a block that was restored counts again"
        assert store.status().damages == []


async def test_a_merge_believes_no_block_whose_bits_flipped(tmp_path: Path) -> None:
    blocks = await _fill(tmp_path, 4)
    async with make_store(tmp_path, clock=ManualClock(START_MS + 3 * DAY_MS)) as store:
        assert await rows(store, CORES) == [[0], [1], [2], [3]]
        _flip(blocks[1], _value_bit(blocks[1]))
        for _ in range(2):
            await store.keep_house()
        assert await rows(store, CORES) == [[0], [2], [3]]
        assert store.status().block_count == 1


async def test_the_scrub_finds_what_no_query_asks_for_a_little_at_a_time(tmp_path: Path) -> None:
    blocks = await _fill(tmp_path, 3)
    sizes = [path.stat().st_size for path in blocks]
    async with make_store(tmp_path, scrub_bytes=1) as store:
        _flip(blocks[2], _value_bit(blocks[2]))
        for looked in (1, 2):
            await store.keep_house()
            assert store.status().scrubbed_bytes_total == sum(sizes[:looked])
            assert store.status().quarantined_total == 0
        await store.keep_house()
        assert store.status().quarantined_total == 1
        assert blocks[2].name in store.status().damages[0]
        _flip(blocks[0], _value_bit(blocks[0]))
        await store.keep_house()
        assert store.status().quarantined_total == 2, "what was looked at longest ago is next"
        assert await rows(store, CORES) == [[1]]


async def test_without_a_scrub_nothing_is_read(tmp_path: Path) -> None:
    await _fill(tmp_path, 1)
    async with make_store(tmp_path, scrub_bytes=0) as store:
        await store.keep_house()
        assert store.status().scrubbed_bytes_total == 0


async def test_what_was_set_aside_goes_when_its_rows_would_be_too_old(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock, retention_seconds=3600.0) as store:
        await store.append(make_batch(1))
        await store.flush()
        (block,) = files(tmp_path, "metrics/load/*/*.parquet")
        _flip(block, 900)
        await store.keep_house()
        assert len(files(tmp_path, "metrics/load/*/*.aside")) == 1
        await clock.advance(4000)
        await store.keep_house()
        assert files(tmp_path, "metrics/load/*/*") == []


async def _fill_samples(folder: Path) -> None:
    """Make two blocks of samples, of which the first decodes no more."""
    async with make_store(folder) as store:
        for at in (10, 20):
            await store.append_samples(make_samples([store.series.intern("up", {})], [START_MS + at], [at]))
            await store.flush()
    block, _ = files(folder, "metrics/samples/*/*.parquet")
    content = block.read_bytes()
    # Only the footer stays.
    end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    block.write_bytes(content[:4] + bytes(end - 4) + content[end:])


async def test_a_block_of_samples_that_does_not_read_back_holds_up_no_sender(tmp_path: Path) -> None:
    await _fill_samples(tmp_path)
    async with make_store(tmp_path) as store:
        late = make_samples([store.series.intern("up", {})] * 2, [START_MS + 5, START_MS + 20], [5, 0])
        assert await store.append_samples(late) == SamplesReply(1, 1)
        assert await rows(store, "SELECT value FROM samples ORDER BY ts") == [[5], [20]]
        assert len(store.status().damages) == 1


async def test_a_lost_catalog_is_made_again_beside_a_block_of_samples_that_does_not_read_back(tmp_path: Path) -> None:
    await _fill_samples(tmp_path)
    (tmp_path / "catalog.db").unlink()
    async with make_store(tmp_path) as store:
        assert await rows(store, "SELECT value FROM samples_last") == [[20]]
        with pytest.raises(CorruptBlockError):
            await rows(store, "SELECT value FROM samples")
        assert await rows(store, "SELECT value FROM samples") == [[20]]


async def _ask(store: MetricStore) -> list[list[object]]:
    return await rows(store, "SELECT ts, host, load1, cores FROM load ORDER BY ts")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_anywhere_in_a_block_gives_the_rows_or_its_name(
    tmp_path_factory: object, data: st.DataObject
) -> None:
    asyncio.run(_flipped(tmp_path_factory, data))  # each example is a store of its own


async def _flipped(factory: object, data: st.DataObject) -> None:
    folder: Path = factory.mktemp("flip")  # type: ignore[attr-defined]
    blocks = await _fill(folder, 2)
    async with make_store(folder) as store:
        expected = await _ask(store)
    bit = data.draw(st.integers(0, blocks[1].stat().st_size * 8 - 1), label="bit")
    _flip(blocks[1], bit)
    async with make_store(folder) as store:
        with pytest.raises(CorruptBlockError, match=blocks[1].name):
            await _ask(store)
        assert await _ask(store) == expected[:1]
