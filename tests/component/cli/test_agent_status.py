"""What is said of an agent from what it left on the disk: never that it lives when it does not, never that old is new."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from nagare.agent.batches import Packed
from nagare.agent.spool import Spool
from nagare.agent.spool_lock import own_spool
from nagare.cli.main import main
from nagare.cli.offline.agent_report import AgentReport, AgentState, read_agent
from nagare.cli.offline.checks.agent import check_agent
from nagare.config.places import Places
from nagare.config.settings import CommandSettings, Settings
from nagare.errors import LockedError, NotFoundError
from nagare.lib.clock import SystemClock
from nagare.wire.agent_status import AGENT_STATUS_VERSION, AgentStatus, CommandsStatus, QueueStatus, SentStatus
from nagare.wire.codec import encode

NOW_MS = SystemClock().now_ms()


def _told(age_seconds: float = 1.0, **more: Any) -> AgentStatus:
    values: dict[str, Any] = {
        "v": AGENT_STATUS_VERSION,
        "at_ms": NOW_MS - round(age_seconds * 1000),
        "every_seconds": 5.0,
        "pid": os.getpid(),
        "version": "0.1.0",
        "host": "web1",
        "server": "http://127.0.0.1:8750",
        "started_ms": NOW_MS - 60_000,
        "ended_ms": None,
        "connection": "up",
        "last_sent_ms": NOW_MS - 1_000,
        "last_error": "",
        "last_error_ms": None,
        "queue": QueueStatus(3, 900, 2**20, 12.0),
        "since_start": SentStatus(40, 1, 0, 0, 0, 2),
        "commands": CommandsStatus(True, True, 1, 0, "/etc/nagare/policy.toml", "rlimits", ["own-session"]),
    }
    return AgentStatus(**{**values, **more})


@pytest.fixture
def left(settings: Settings, places: Places) -> Settings:
    """Two batches on the disk of an agent that is gone."""
    settings = replace(settings, commands=CommandSettings(policy=places.data / "policy.toml"))
    with own_spool(places):
        spool = Spool(places.spool / "batches", limit_bytes=2**20)
        spool.open()
        for at_ms in (NOW_MS - 90_000, NOW_MS - 60_000):
            spool.append(Packed("web1", "zstd", b"body", at_ms))
        spool.close()
    return settings


@contextmanager
def _alive(places: Places, told: AgentStatus | None) -> Iterator[None]:
    if told is not None:
        places.agent_status.write_bytes(encode(told))
    with own_spool(places):
        yield


def _report(settings: Settings) -> AgentReport:
    return read_agent(settings, NOW_MS)


def test_one_that_runs_and_delivers_is_fine_and_its_age_is_told(left: Settings, places: Places) -> None:
    with _alive(places, _told()):
        report = _report(left)
        assert [check.verdict for check in check_agent(left, NOW_MS)] == ["ok"]
    assert (report.state, report.pid, report.age_seconds) == (AgentState.RUNNING, os.getpid(), 1.0)
    assert (report.queue.batches, report.is_from_disk, report.faults, report.notes) == (3, False, [], [])


def test_one_that_says_nothing_any_more_is_not_believed(left: Settings, places: Places) -> None:
    for age_seconds in (120.0, -3_600.0):
        with _alive(places, _told(age_seconds)):
            report = _report(left)
            assert [check.verdict for check in check_agent(left, NOW_MS)] == ["bad"]
        assert (report.state, report.is_from_disk, report.queue.batches) == (AgentState.SILENT, True, 2)
        assert report.queue.oldest_seconds == 90.0


@pytest.mark.parametrize("told", [None, _told(pid=1)])
def test_what_another_process_said_is_not_its_own_word(
    left: Settings, places: Places, told: AgentStatus | None
) -> None:
    with _alive(places, told):
        report = _report(left)
    assert report.state is AgentState.SILENT
    assert report.faults == ["the agent runs and said nothing since it was started; 2 batches waiting on disk"]


def test_one_that_was_killed_and_one_that_ended_are_told_apart(left: Settings, places: Places) -> None:
    places.agent_status.write_bytes(encode(_told()))
    assert _report(left).faults == ["no agent runs; the last one did not end by itself; 2 batches waiting"]
    places.agent_status.write_bytes(encode(_told(ended_ms=NOW_MS)))
    assert _report(left).faults == ["no agent runs; 2 batches waiting"]
    assert [check.verdict for check in check_agent(left, NOW_MS)] == ["bad"]


def test_a_server_that_takes_nothing_and_a_queue_that_is_nearly_full_are_bad(left: Settings, places: Places) -> None:
    told = _told(connection="down", last_error="cannot reach it", queue=QueueStatus(900, 2**20, 2**20, 5.0))
    with _alive(places, told):
        report = _report(left)
    assert [fault.split(";")[0] for fault in report.faults] == [
        "the server takes nothing", "the queue is nearly full, 1.0M of 1.0M: old is thinned",
    ]  # fmt: skip
    assert "cannot reach it" in report.faults[0]


def test_what_was_lost_is_worth_knowing(left: Settings, places: Places) -> None:
    with _alive(places, _told(since_start=SentStatus(4, 0, 7, 3, 0, 0))):
        assert _report(left).notes == ["batches since its start: 3 dropped, 7 thinned"]
        assert [check.verdict for check in check_agent(left, NOW_MS)] == ["ok", "warn"]


def test_where_never_an_agent_ran_there_is_none(settings: Settings) -> None:
    with pytest.raises(NotFoundError, match="none ever ran there"):
        read_agent(settings, NOW_MS)
    assert list(check_agent(settings, NOW_MS)) == []


def test_a_file_that_does_not_read_back_is_as_none(left: Settings, places: Places) -> None:
    for content in (b"{", encode(_told(v=99))):
        places.agent_status.write_bytes(content)
        assert _report(left).told is None


def test_looking_keeps_no_agent_from_starting(left: Settings, places: Places) -> None:
    with places.agent_lock.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        with pytest.raises(LockedError), own_spool(places):
            pass
    with own_spool(places), pytest.raises(LockedError), own_spool(places):
        pass
    assert _report(left).state is AgentState.STOPPED


@pytest.mark.parametrize(("alive", "status"), [(True, 0), (False, 1)])
def test_the_command_says_the_same_to_programs_and_to_people(
    left: Settings, places: Places, capsys: pytest.CaptureFixture[str], *, alive: bool, status: int
) -> None:
    line = ["--data", str(left.data), "agent", "status"]
    told = replace_at(_told())
    with _alive(places, told):
        if alive:
            _check_said(line, capsys, status)
    if not alive:
        _check_said(line, capsys, status)


def replace_at(told: AgentStatus) -> AgentStatus:
    """Return ``told`` as of this moment: the suite may have begun long ago."""
    return _told(at_ms=SystemClock().now_ms(), started_ms=told.started_ms)


def _check_said(line: list[str], capsys: pytest.CaptureFixture[str], status: int) -> None:
    assert main([*line, "-o", "json"]) == status
    found = json.loads(capsys.readouterr().out)
    assert found["queue"]["read_from"] == ("disk" if status else "agent")
    assert (found["host"], found["since_start"]["sent"], found["commands"]["hold"]) == ("web1", 40, "rlimits")
    assert found["status_age_seconds"] < 60
    assert main([*line, "-o", "table"]) == status
    said = capsys.readouterr()
    assert ("as the disk has it" if status else "as it says") in said.out
    assert ("no agent runs" in said.err) is bool(status)
    assert main([*line, "-o", "csv"]) == status
    assert "queue.batches," in capsys.readouterr().out


def test_the_command_finds_no_agent_where_none_ever_ran(settings: Settings) -> None:
    assert main(["--data", str(settings.data), "agent", "status", "-o", "json"]) == 5
