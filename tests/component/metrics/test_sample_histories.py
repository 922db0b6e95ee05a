"""Random histories of samples: whatever is appended, flushed, merged, lost and found again, every bit stays."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.samples import STALE_BITS
from tests.support.metric_store import START_MS, make_store, rows
from tests.support.samples import make_samples, value_of

DAY_MS = 86_400_000
FORMULA = (
    "CASE WHEN raw IS NULL THEN (mantissa + base) / divisor ELSE coalesce((mantissa + base) / divisor + raw, raw) END"
)
NAMES: tuple[tuple[str, dict[str, str]], ...] = (
    ("a", {"host": "h1"}),
    ("a", {"host": "h2", "k": "v"}),
    ("b", {}),
    ("aa", {"host": "h1"}),
)
BITS = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([0, 2**63, STALE_BITS, 0x7FF8_0000_0000_0000, 0xFFF8_0000_0000_0001, 0x7FF0_0000_0000_0000, 1]),
    st.integers(-(10**6), 10**6).map(lambda whole: int(np.array([whole / 1000]).view(np.uint64)[0])),
)
SAMPLE = st.tuples(st.integers(0, 3), st.integers(-5, 5), st.sampled_from([0, DAY_MS, 3 * DAY_MS]), BITS)
STEPS = st.lists(
    st.one_of(
        st.lists(SAMPLE, min_size=1, max_size=8), st.lists(SAMPLE, min_size=1, max_size=8),
        st.sampled_from(["flush", "restart", "house", "look", "lose the catalog"]),
    ),
    min_size=1, max_size=10,
)  # fmt: skip


class History:
    """A store, and the bits of every sample that it must hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._expected: dict[tuple[int, int], int] = {}

    async def play(self, steps: list[Any]) -> None:
        waiting = [*steps, "look", "flush", "look", "house", "look"]
        step: Any = None
        while waiting:
            async with make_store(self._folder, clock=ManualClock(START_MS)) as store:
                while waiting:
                    step = waiting.pop(0)
                    if step in ("restart", "lose the catalog"):
                        break
                    await self._step(store, step)
            if waiting and step == "lose the catalog":
                (self._folder / "catalog.db").unlink()
        self._check_files()

    async def _step(self, store: MetricStore, step: Any) -> None:
        if step == "flush":
            await store.flush()
        elif step == "house":
            await store.keep_house()
        elif step == "look":
            await self._look(store)
        else:
            await self._append(store, step)

    async def _append(self, store: MetricStore, samples: list[tuple[int, int, int, int]]) -> None:
        numbers = [store.series.intern(*name) for name in NAMES]
        times = [START_MS - age + shift for _, shift, age, _ in samples]
        reply = await store.append_samples(
            make_samples([numbers[row[0]] for row in samples], times, [value_of(row[3]) for row in samples])
        )
        before = len(self._expected)
        for ts, (name, _, _, bits) in zip(times, samples, strict=True):
            self._expected.setdefault((name, ts), bits)
        assert (reply.accepted, reply.duplicate) == (
            len(self._expected) - before,
            len(samples) - len(self._expected) + before,
        )

    async def _look(self, store: MetricStore) -> None:
        found = await rows(store, "SELECT name, host, labels, epoch_ms(ts), CAST(value AS VARCHAR) FROM samples")
        expected = [self._row(name, ts, bits) for (name, ts), bits in self._expected.items()]
        assert sorted(map(repr, found)) == sorted(map(repr, expected))
        newest = {name: max(ts for each, ts in self._expected if each == name) for name, _ in self._expected}
        found = await rows(store, "SELECT name, host, labels, epoch_ms(ts), CAST(value AS VARCHAR) FROM samples_last")
        expected = [self._row(name, ts, self._expected[name, ts]) for name, ts in newest.items()]
        assert sorted(map(repr, found)) == sorted(map(repr, expected))

    def _row(self, number: int, ts: int, bits: int) -> list[Any]:
        name, labels = NAMES[number]
        value = _text(bits)
        return [name, labels.get("host", ""), labels, ts, value]

    def _check_files(self) -> None:
        """Read every block without any code of ours, by the formula that stands in it."""
        import pyarrow.parquet as parquet

        found: dict[tuple[str, str, int], int] = {}
        for path in (self._folder / "metrics").glob("samples/*/*.parquet"):
            file = parquet.ParquetFile(path)
            assert file.schema_arrow.metadata[b"nagare_value"] == FORMULA.encode()
            for row in file.read().to_pylist():
                key = (row["name"], row["host"], int(row["ts"].timestamp() * 1000 + 0.5))
                assert key not in found
                found[key] = _bits(row["mantissa"], row["base"], row["divisor"], row["raw"])
        assert found == {
            (NAMES[name][0], NAMES[name][1].get("host", ""), ts): bits for (name, ts), bits in self._expected.items()
        }


def _bits(mantissa: int | None, base: int | None, divisor: float | None, raw: float | None) -> int:
    if mantissa is not None and divisor is None:
        assert raw is not None
        assert np.isnan(raw)
        return mantissa % 2**64
    value = raw
    if mantissa is not None and base is not None and divisor is not None:
        value = (mantissa + base) / divisor + (raw or 0.0)
    return STALE_BITS if value is None else int(np.array([value]).view(np.uint64)[0])


def _text(bits: int) -> str | None:
    if bits == STALE_BITS:
        return None
    value = value_of(bits)
    text = {np.inf: "inf", -np.inf: "-inf"}.get(value, repr(value))
    return "nan" if value != value else text


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_every_history_keeps_every_bit(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(History(Path(folder)).play(steps))
