"""``nagare insights rank`` over what an installation keeps: hosts, their parts, and the events near the onset."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nagare.cli.main import main
from nagare.lib.clock import ManualClock
from nagare.lib.rfc3339 import format_ms
from tests.support.metric_store import START_MS, make_batch, make_store

_WIDTH, _ONSET, _STEP_MS = 360, 260, 5000
_BEGIN_MS = START_MS - _WIDTH * _STEP_MS
_ONSET_MS = _BEGIN_MS + _ONSET * _STEP_MS
_WINDOW = ("--since", format_ms(_BEGIN_MS), "--until", format_ms(START_MS))


def _tables(host: str, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    ts = [_BEGIN_MS + place * _STEP_MS for place in range(_WIDTH)]
    is_bad = (np.arange(_WIDTH) >= _ONSET) & (host == "db1")
    await_seconds = random.normal(0.002, 0.0002, _WIDTH) + is_bad * 0.05
    busy = np.clip(random.normal(0.3, 0.03, _WIDTH), 0, 1)
    # Whom the slow disk keeps waiting, a quarter of a minute later.
    late = (np.arange(_WIDTH) >= _ONSET + 3) & (host == "web1")
    busy_twice = [*busy.tolist(), *random.normal(0.1, 0.01, _WIDTH).tolist()]
    tables = {
        "disk_io": {
            "ts": ts, "device": ["sda"] * _WIDTH, "write_await_seconds": await_seconds.tolist(),
            "writes_total": (np.cumsum(random.poisson(50, _WIDTH)) + 10**6).tolist(),
        },
        "cpu": {"ts": ts * 2, "core": ["all"] * _WIDTH + ["0"] * _WIDTH, "busy_ratio": busy_twice},
        "load": {
            "ts": ts, "load1": (random.normal(1, 0.1, _WIDTH) + late * 2).tolist(),
            "uptime_seconds": np.arange(_WIDTH, dtype=float).tolist(),
        },
        "process": {
            "ts": ts * 2, "rank": [1] * _WIDTH + [2] * _WIDTH, "pid": list(range(10, 10 + _WIDTH)) + [9] * _WIDTH,
            "name": ["cron"] * _WIDTH + ["postgres"] * _WIDTH, "user": ["root"] * 2 * _WIDTH,
            "cpu_ratio": random.normal(0.1, 0.01, 2 * _WIDTH).tolist(),
        },
    }  # fmt: skip
    if host == "db1":
        # Whatever comes in floods afterwards hides nothing of what was before.
        after = range(1100)
        tables["events"] = {
            "ts": [_ONSET_MS - 30_000, _ONSET_MS + 5000, *(_ONSET_MS + 30_000 + place for place in after)],
            "id": ["a", "b", *(f"f{place}" for place in after)],
            "kind": ["command.done", "alert.firing", *("app.log" for _ in after)],
            "severity": [0, 2, *(1 for _ in after)], "source": ["server"] * (2 + len(after)),
            "text": ["disk.trim on db1", "slow", *("line" for _ in after)], "attributes": [{}] * (2 + len(after)),
        }  # fmt: skip
    return tables


async def _fill(data: Path) -> None:
    async with make_store(data, clock=ManualClock(START_MS)) as store:
        for seed, host in enumerate(("db1", "web1", "web2"), 1):
            await store.append(make_batch(seed, _tables(host, seed), host=host, boot=f"boot-{host}"))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("rank") / "data"
    data.mkdir(mode=0o700)
    asyncio.run(_fill(data))
    return data


@pytest.fixture
def run(installation: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def _run(*words: str) -> tuple[int, str, str]:
        status = main(["--data", str(installation), "insights", "rank", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def test_of_several_hosts_each_is_a_component(run: Any) -> None:
    status, out, _ = run(*_WINDOW, "-o", "json")
    assert status == 0
    found = json.loads(out)
    assert abs(found["onset_ms"] - _ONSET_MS) <= 2 * _STEP_MS
    assert [one["name"] for one in found["components"][:2]] == ["db1", "web1"]
    worst = found["metrics"][0]
    assert (worst["name"], worst["measure"]) == (
        'disk_io.write_await_seconds{host="db1",device="sda"}',
        "write_await_seconds",
    )
    assert worst["before"] == pytest.approx(0.002, abs=0.0002)
    assert worst["after"] == pytest.approx(0.052, abs=0.002)
    (event,) = found["events"]
    assert (event["kind"], event["host"], event["text"]) == ("command.done", "db1", "disk.trim on db1")
    assert event["seconds_before"] == pytest.approx(30, abs=2 * _STEP_MS / 1000)


def test_of_one_host_its_parts_are(run: Any) -> None:
    onset = format_ms(_ONSET_MS + 60_000)
    _, out, _ = run("--host", "db1", "--onset", onset, *_WINDOW, "-k", "100", "-o", "json")
    found = json.loads(out)
    names = [one["name"] for one in found["components"]]
    assert names[0] == "disk_io sda"
    # A program is one however often it is started; the whole stands for its cores; what counts time is left out.
    assert set(names) == {"disk_io sda", "cpu all", "load", "process cron", "process postgres"}
    assert "uptime_seconds" not in out
    assert found["metrics"][0]["component"] == "disk_io sda"


def test_people_are_told_of_events_near_the_onset(run: Any) -> None:
    _, out, _ = run(*_WINDOW, "-k", "1", "-o", "table")
    assert "command.done" in out
    assert "alert.firing" not in out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--host", "db1"), 2, "nobody says since when"),
        (("--host", "nobody", *_WINDOW), 5, "'nobody': it has no series"),
        (("--since", "1m"), 2, "there are none in this time"),
        ((*_WINDOW, "--onset", "2020-01-01"), 2, "not between"),
        ((*_WINDOW, "--by", "host"), 2, "they are for files"),
        ((*_WINDOW, "--file", "x"), 2, "give either"),
    ],
)
def test_what_cannot_be_ranked_is_told(run: Any, words: tuple[str, ...], status: int, said: str) -> None:
    found, out, err = run(*words)
    assert (found, out) == (status, "")
    assert said in err


def test_more_series_than_an_answer_holds_are_not_ranked_in_part_and_the_way_out_is_told(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAGARE_QUERY__ROW_LIMIT", "4")
    status, out, err = run(*_WINDOW)
    assert (status, out) == (8, "")
    assert "it has more than 4 rows" in err
    assert "hint: name the hosts that matter: --host db1" in err
