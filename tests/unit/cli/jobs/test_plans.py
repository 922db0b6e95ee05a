"""A plan shows the exact words and hosts, and hides nothing of them."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.jobs.plans import check_lines, job_lines
from nagare.client.jobs.plans import is_pending
from nagare.wire.command_jobs import CheckView, JobRequest, Targets
from tests.support.command_server import PLAN, SHA, command, job_of


def lines(argvs: list[list[str]], hosts: list[str], **more: dict[str, str]) -> list[str]:
    return list(check_lines(CheckView("a.b", SHA, PLAN, "none", "none", argvs, hosts, **more)))


def test_words_are_quoted_as_a_shell_needs_them_and_variants_follow() -> None:
    assert lines([["apt", "list", "a b"], ["dnf", "list"]], ["web1"])[1:4] == [
        "runs      apt list 'a b'", "or else   dnf list", "on        web1",
    ]  # fmt: skip


def test_a_script_keeps_its_lines() -> None:
    assert lines([["sh", "-c", "--", "echo 1\n\techo \x1b2"]], ["web1"])[1:3] == [
        "runs      sh -c -- 'echo 1", "              echo ␛2'",
    ]  # fmt: skip


def test_a_host_that_is_away_may_still_come() -> None:
    told = lines([["true"]], ["web1", "web2"], unable={"web2": "offline", "db1": "not granted"})
    assert told[2:5] == ["on        web1, web2 (2 hosts)", "away      web2: offline", "not on    db1: not granted"]


@given(st.lists(st.from_regex(r"[a-z0-9.-]{1,40}", fullmatch=True), min_size=1, unique=True))
def test_every_host_is_named(hosts: list[str]) -> None:
    told = lines([["true"]], hosts)[2:-2]
    named = " ".join(line[10:] for line in told).partition(" (")[0]
    assert named.split(", ") == hosts


def test_a_job_says_who_asked_and_why() -> None:
    job = job_of(JobRequest("host.uptime", Targets(all=True), why="new disks"), [command("a", "pending")], "pending")
    told = list(job_lines(job))
    assert "asked by  ada" in told
    assert "why       new disks" in told
    assert is_pending(job)
    assert not is_pending(job_of(JobRequest("host.uptime", Targets(all=True)), [command("a", "queued")], "running"))


def test_a_job_says_that_glass_was_broken_and_why_it_stopped() -> None:
    job = job_of(JobRequest("site.deploy", Targets(all=True)), [command("a", "cancelled")], "ended")
    assert not any(line.startswith(("glass", "stopped")) for line in job_lines(job))
    told = list(job_lines(msgspec.structs.replace(job, break_glass="it \x1bburns", stopped="canary a ended as failed")))
    assert "glass     broken: it ␛burns" in told
    assert "stopped   canary a ended as failed" in told
