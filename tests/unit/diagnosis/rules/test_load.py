"""Who is to blame for busy processors."""

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts
from nagare.diagnosis.rules.load import busiest, saturated, tasks
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind


def draft() -> Evidence:
    return Evidence("", EvidenceKind.METRIC, "web1", "")


def process(pid: int, name: str, cores: float) -> Seen:
    keys = {"pid": str(pid), "name": name}
    return Seen("processes", "web1", draft, values={"cpu_cores": cores}, keys=keys)


def bad(tool: str) -> Seen:
    return Seen(tool, "web1", draft, is_bad=True, values={"recent": 0.98}, began_ms=1000)


def test_a_program_of_many_small_processes_is_to_blame() -> None:
    workers = [process(place, "worker", 0.2) for place in range(4)]
    found = busiest([process(50, "nginx", 0.25), *workers])
    assert [one.keys["name"] for one in found] == ["worker"] * 4
    suspicion = next(iter(saturated(Facts([bad("cpu_busy"), *workers]), "web1")))
    assert suspicion.title == "program worker (4 processes) saturates the processors"


def test_one_process_is_named_with_its_id() -> None:
    hog = process(7, "burn", 0.9)
    suspicion = next(iter(saturated(Facts([bad("cpu_busy"), hog, process(8, "nginx", 0.02)]), "web1")))
    assert suspicion.about == "process burn (7)"


def test_who_uses_next_to_nothing_is_not_to_blame() -> None:
    assert busiest([process(7, "idle", 0.01)]) == []


def test_many_times_more_threads_are_a_cause() -> None:
    assert [one.cause for one in tasks(Facts([bad("threads")]), "web1")] == ["tasks.runaway"]
    assert list(tasks(Facts(), "web1")) == []
