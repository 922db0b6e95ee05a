"""Commands as they stood: what became what it is later goes back to how far it had come."""

from nagare.tui.replay.jobs_then import Later, jobs_at
from tests.tui.jobs import MADE_MS, command_of, job_of


def _check(at_ms: int, state: str, counts: dict[str, int]) -> None:
    job = job_of("j1", [command_of("web-1"), command_of("web-2"), command_of("web-3", "failed")])
    later = [Later(job.id, "done", MADE_MS - 5000, MADE_MS - 1000), Later(job.id, "failed", MADE_MS - 2000, MADE_MS)]
    (found,) = jobs_at(at_ms, [job], later)
    assert (found.state, found.counts) == (state, counts)


def test_a_command_was_running_or_waiting() -> None:
    _check(MADE_MS - 3000, "running", {"done": 1, "started": 1, "queued": 1})
    _check(MADE_MS - 1500, "running", {"done": 1, "started": 2})
