"""What a job came to: the worst decides, and the line says what each host came to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.exit_codes import BAD, CANCELLED, FINE, LOST, MEANINGS, NOT_RUN
from nagare.cli.jobs.outcome import exit_status, faults, summary
from nagare.model.command.states import ENDED
from nagare.wire.command_jobs import CommandView, JobRequest, JobView, Targets
from tests.support.command_server import JOB, command, job_of

ORDER = [FINE, NOT_RUN, CANCELLED, BAD, LOST]
ALONE = {"done": FINE, "expired": NOT_RUN, "cancelled": CANCELLED, "failed": BAD, "lost": LOST}
STATES = st.sampled_from(sorted(ENDED))


def ended(*commands: CommandView, stopped: str = "") -> JobView:
    return job_of(JobRequest("host.uptime", Targets(all=True)), list(commands), "ended", stopped)


@given(st.lists(STATES, min_size=1))
def test_the_worst_decides(states: list[str]) -> None:
    job = ended(*(command(f"h{number}", state) for number, state in enumerate(states)))
    assert exit_status(job) == max((ALONE[state] for state in states), key=ORDER.index)


def test_every_status_is_another_and_has_a_meaning() -> None:
    assert len(set(ORDER)) == len(ORDER)
    assert set(ORDER) <= set(MEANINGS)


@pytest.mark.parametrize("state", ["started", "sent", "of the future"])
def test_a_state_that_says_nothing_certain_is_as_bad_as_lost(state: str) -> None:
    assert exit_status(ended(command("a", state), command("b", "failed"))) == LOST


@pytest.mark.parametrize("reason", ["rejected", "not-approved"])
def test_what_nobody_agreed_to_never_began(reason: str) -> None:
    assert exit_status(ended(command("a", "cancelled", reason=reason))) == NOT_RUN


def test_a_host_that_was_not_asked_is_not_forgotten() -> None:
    assert exit_status(ended(command("a")), {"b": "offline"}) == NOT_RUN
    assert exit_status(ended()) == NOT_RUN


def test_the_summary_counts_every_state_with_its_causes() -> None:
    job = ended(
        command("a"),
        command("b"),
        command("c", "failed", reason="exit", exit_code=3),
        command("d", "failed", reason="exit", exit_code=3),
        command("e", "failed", reason="signal", signal=9),
        command("f", "expired", reason="expired"),
        command("g", "lost", reason="agent-died"),
        stopped="too many failed\x1b",
    )
    assert summary(job, {"x": "offline"}) == (
        "host.uptime: 2 done, 3 failed (exit 3 × 2, signal 9), 1 expired, 1 lost (agent-died), 1 not asked;"
        f" stopped: too many failed␛ (job {JOB})"
    )


def test_hosts_with_the_same_fault_share_a_line() -> None:
    job = ended(
        command("a"),
        command("b", "failed", reason="policy-denies", text="no\nsuch"),
        command("c", "failed", reason="policy-denies", text="no\nsuch"),
        command("d", "expired"),
    )
    assert list(faults(job, {"e": "offline"})) == [
        "  b, c (2 hosts): failed, policy-denies: no such", "  d: expired", "  e: not asked: offline",
    ]  # fmt: skip
