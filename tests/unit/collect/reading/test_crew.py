"""Jobs that may never come back."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from nagare.collect.reading.crew import Crew


def number(value: int) -> int:
    return value


def test_all_results_within_the_time() -> None:
    crew: Crew[int, int] = Crew("test", 3)
    jobs: dict[int, Callable[[], int]] = {value: partial(number, value) for value in range(50)}
    assert crew.run(jobs, 30) == {value: value for value in range(50)}
    assert crew.run({}, 30) == {}


def test_job_that_hangs_is_left_alone_and_started_again_when_it_is_back() -> None:
    release, begun = threading.Event(), []

    def hang() -> int:
        begun.append(1)
        release.wait()
        return 1

    crew: Crew[str, int] = Crew("test", 2)
    jobs: dict[str, Callable[[], int]] = {"hangs": hang, "fine": partial(number, 2)}
    assert crew.run(jobs, 0.05) == {"fine": 2}
    assert crew.run(jobs, 0.05) == {"fine": 2}
    assert len(begun) == 1
    release.set()
    while "hangs" not in crew.run(jobs, 30):
        pass
    assert len(begun) == 2


def test_threads_are_bounded_and_full_crews_do_not_wait() -> None:
    release = threading.Event()
    crew: Crew[int, bool] = Crew("test", 2)
    jobs: dict[int, Callable[[], bool]] = dict.fromkeys(range(5), release.wait)
    before = threading.active_count()
    assert crew.run(jobs, 0.05) == {}
    assert crew.run(jobs, 1000) == {}
    assert threading.active_count() <= before + 2
    release.set()


def test_rest_of_the_queue_is_dropped_at_the_deadline() -> None:
    done: list[int] = []

    def work(value: int) -> int:
        threading.Event().wait(0.1)
        done.append(value)
        return value

    crew: Crew[int, int] = Crew("test", 1)
    told = crew.run({value: partial(work, value) for value in range(20)}, 0.25)
    assert 1 <= len(told) <= 3


def test_fault_of_a_job_reaches_who_waits_and_the_job_may_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    faults, ended = [ValueError("broken")], threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: ended.set())

    def work() -> int:
        if faults:
            raise faults.pop()
        return 5

    crew: Crew[str, int] = Crew("test", 2)
    with pytest.raises(ValueError, match="broken"):
        crew.run({"a": work}, 30)
    assert ended.wait(30)
    assert crew.run({"a": work}, 30) == {"a": 5}
