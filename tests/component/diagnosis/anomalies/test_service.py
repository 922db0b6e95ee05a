"""The service over a real store, its ticks by hand."""

import asyncio
import os
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from nagare.config.anomalies import AnomalySettings
from nagare.diagnosis.anomalies import service
from nagare.diagnosis.anomalies.service import Anomalies
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from tests.support.metric_store import START_MS, make_store, rows

SQL = "select host, table_name, column_name, series, kind, value, epoch_ms(ts) from anomalies"


def _disk(clock: ManualClock, value: float) -> dict[str, Any]:
    row = {"mount": ["/"], "device": ["sda1"], "fstype": ["ext4"], "used_ratio": [value]}
    return {"disk": {"ts": [clock.now_ms()], **row}}


async def _fill(anomalies: Anomalies, clock: ManualClock, count: int, last: float | None = None) -> None:
    noise = np.random.default_rng(1).normal(0.5, 0.01, count).tolist()
    for value in noise if last is None else [*noise, last]:
        await clock.advance(5)
        anomalies.note("web1", _disk(clock, value))
        await anomalies.tick()


def _service(store: MetricStore, folder: Path, clock: ManualClock, **settings: Any) -> Anomalies:
    return Anomalies(AnomalySettings(**settings), store, folder / "anomalies.npz", clock)


async def test_a_row_that_is_unlike_stands_in_the_table(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store, _service(store, tmp_path, clock) as anomalies:
        await _fill(anomalies, clock, 100, last=0.95)
        found = await rows(store, SQL)
        assert len(anomalies) == 1
        assert anomalies.counters.get("anomaly_rows") == 1
    series = "mount=/, device=sda1, fstype=ext4"
    assert found == [["web1", "disk", "used_ratio", series, "value", 0.95, START_MS + 101 * 5000]]


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store:
        async with _service(store, tmp_path, clock) as before:
            await _fill(before, clock, 60)
        async with _service(store, tmp_path, clock) as after:
            await _fill(after, clock, 0, last=0.95)
        assert len(await rows(store, SQL)) == 1


async def test_a_disk_that_hangs_does_not_hold_up_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, is_back, replace = Event(), Event(), os.replace

    def hangs(*names: str) -> None:
        reached.set()
        assert is_back.wait(60)
        replace(*names)

    monkeypatch.setattr(service, "_STOP_SECONDS", 0.05)
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store:
        try:
            async with asyncio.timeout(60):
                async with _service(store, tmp_path, clock) as anomalies:
                    await _fill(anomalies, clock, 3)
                    monkeypatch.setattr(os, "replace", hangs)
            assert await asyncio.to_thread(reached.wait, 60)
            assert anomalies.counters.get("anomaly_save_failures") == 1
        finally:
            is_back.set()


async def test_a_body_of_very_many_rows_costs_a_part_of_them_and_the_stop_waits_for_none(tmp_path: Path) -> None:
    clock, count = ManualClock(START_MS), 600_000
    load: dict[str, Any] = {"ts": [START_MS - count + at for at in range(count)], "load1": [1.0] * count}
    async with make_store(tmp_path, clock=clock) as store:
        async with _service(store, tmp_path, clock) as anomalies:
            for _ in range(7):
                anomalies.note("web1", {"load": load})
            assert anomalies.counters.get("anomaly_rows_skipped") == 7 * (count - 100_000)
            assert anomalies.counters.get("anomaly_batches_dropped") == 2
            ticking = asyncio.ensure_future(anomalies.tick())
            await asyncio.sleep(0)
        await ticking
        assert anomalies.counters.get("anomaly_late_rows") == 0


async def test_many_batches_that_wait_are_laid_out_early_and_scored_all_the_same(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store, _service(store, tmp_path, clock) as anomalies:
        for value in [*np.random.default_rng(1).normal(0.5, 0.01, 400).tolist(), 0.95]:
            await clock.advance(5)
            anomalies.note("web1", _disk(clock, value))
        await anomalies.tick()
        assert [found[5] for found in await rows(store, SQL)] == [0.95]
        assert anomalies.counters.get("anomaly_batches_dropped") == 0


async def test_of_what_is_laid_out_the_oldest_goes_first_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_WAITING_BATCHES", 300)
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store, _service(store, tmp_path, clock) as anomalies:
        for number in range(1000):
            await clock.advance(5)
            anomalies.note(f"web{number}", _disk(clock, 0.5))
        await anomalies.tick()
        dropped = anomalies.counters.get("anomaly_batches_dropped")
        assert dropped >= 700
        assert len(anomalies) == 1000 - dropped


async def test_what_is_off_scores_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    async with make_store(tmp_path, clock=clock) as store:
        async with _service(store, tmp_path, clock, on=False) as anomalies:
            await _fill(anomalies, clock, 3)
            assert len(anomalies) == 0
        assert not (tmp_path / "anomalies.npz").exists()


async def test_a_store_that_takes_nothing_costs_a_tick_and_no_more(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = make_store(tmp_path, clock=clock)
    async with _service(store, tmp_path, clock) as anomalies:
        await _fill(anomalies, clock, 100, last=0.95)
        assert anomalies.counters.get("anomaly_append_failures") == 1
