"""Columns of probe: the rows of tries, the deadline, and targets that hang."""

import threading
from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError, Root
from nagare.collect.probe.attempt import Attempt, ProbeError
from nagare.collect.probe.collector import TARGET_LIMIT, ProbeCollector, probe_row
from nagare.config.settings import ProbeTarget
from nagare.errors import ConfigError
from tests.unit.collect.trees import at, rows_of

TARGET = ProbeTarget(target="db:5432", kind="tcp", count=3)


def test_row_of_several_tries() -> None:
    row = probe_row(TARGET, [Attempt(0.1), Attempt(error="timed out"), Attempt(0.3)])
    assert (row["success"], row["error"]) == (True, "timed out")
    assert row["latency_seconds"] == pytest.approx(0.2)
    assert (row["latency_min_seconds"], row["latency_max_seconds"]) == (0.1, 0.3)
    assert row["loss_ratio"] == pytest.approx(1 / 3)


def test_row_of_a_wrong_answer() -> None:
    row = probe_row(TARGET, [Attempt(0.1, "status 500, expected below 400", 500, 86400.0)])
    assert (row["success"], row["latency_seconds"], row["loss_ratio"]) == (False, 0.1, 0)
    assert (row["status_code"], row["certificate_expiry_seconds"]) == (500, 86400.0)


def test_row_of_what_is_not_permitted() -> None:
    row = probe_row(TARGET, [Attempt(error="icmp not permitted", is_possible=False)])
    assert (row["success"], row["loss_ratio"], row["error"]) == (None, None, "icmp not permitted")


def test_all_targets_in_order_and_faults_as_words() -> None:
    def fail(_: ProbeTarget) -> Attempt:
        raise ProbeError("cannot resolve db")

    targets = [TARGET, ProbeTarget(target="h", kind="icmp"), ProbeTarget(target="db:1", kind="tcp")]
    collector = ProbeCollector(targets, Root(), probers={"tcp": fail, "icmp": lambda _: Attempt(0.01)})
    rows = rows_of(collector.collect(at(0)), "probe")
    collector.close()
    assert [(row["target"], row["success"]) for row in rows] == [("db:5432", False), ("h", True), ("db:1", False)]
    assert rows[0]["error"] == "cannot resolve db"


def test_hanging_target_is_not_tried_again_until_it_comes_back() -> None:
    release, tried = threading.Event(), []

    def probe(target: ProbeTarget) -> Attempt:
        tried.append(target.target)
        if target.target == "hangs:1":
            release.wait()
        return Attempt(0.01)

    targets = [ProbeTarget(target="hangs:1", kind="tcp"), ProbeTarget(target="fine:1", kind="tcp")]
    collector = ProbeCollector(targets, Root(), timeout_seconds=0.2, probers={"tcp": probe})
    for _ in range(2):
        hangs, fine = rows_of(collector.collect(at(0)), "probe")
        assert (hangs["success"], fine["success"]) == (False, True)
        assert "still waits" in hangs["error"]
    assert tried.count("hangs:1") == 1
    assert tried.count("fine:1") == 2
    release.set()


def test_more_targets_than_threads_all_get_their_turn() -> None:
    targets = [ProbeTarget(target=f"h:{port}", kind="tcp") for port in range(1, 101)]
    collector = ProbeCollector(targets, Root(), probers={"tcp": lambda _: Attempt(0.001)})
    assert all(row["success"] for row in rows_of(collector.collect(at(0)), "probe"))


def test_tries_end_with_the_deadline() -> None:
    clocked: list[float] = []

    def probe(target: ProbeTarget) -> Attempt:
        clocked.append(target.timeout_seconds)
        threading.Event().wait(target.timeout_seconds)
        return Attempt(error="timed out")

    target = ProbeTarget(target="h:1", kind="tcp", count=20, timeout_seconds=0.05)
    collector = ProbeCollector([target], Root(), timeout_seconds=0.2, probers={"tcp": probe})
    collector.collect(at(0))
    assert len(clocked) < 20


@pytest.mark.parametrize(
    "target",
    [
        ProbeTarget(target="", kind="icmp"),
        ProbeTarget(target="web", kind="tcp"),
        ProbeTarget(target="https://me:pw@web/", kind="http"),
        ProbeTarget(target="a..b", kind="dns"),
    ],
)
def test_targets_that_can_never_work_are_refused_at_once(target: ProbeTarget) -> None:
    with pytest.raises(ConfigError):
        ProbeCollector([target], Root())


def test_too_many_targets() -> None:
    with pytest.raises(ConfigError, match="the limit is"):
        ProbeCollector([TARGET] * (TARGET_LIMIT + 1), Root())


def test_no_targets(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="no targets"):
        ProbeCollector([], Root()).collect(at(0))
