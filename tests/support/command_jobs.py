"""Jobs and commands for tests, made as the room makes them."""

import uuid
from typing import Any

from nagare.model.command.action import Risk
from nagare.model.command.approval import Approval
from nagare.model.command.job import Command, Job, Pace, Person
from nagare.model.command.states import CommandState

NOW_MS = 1_760_000_000_000
ANN, BEN = Person("u-ann", "ann"), Person("u-ben", "ben")


def job_of(**changes: Any) -> Job:
    """Return an approved job that expires in five minutes, with ``changes``."""
    values: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "action": "host.uptime",
        "action_sha256": "a" * 64,
        "plan_sha256": "b" * 64,
        "arguments": {"unit": "nginx", "lines": 5, "names": ["a", "b"], "now": True},
        "secrets": (),
        "argvs": (("uptime", "-p"), ("cat", "/proc/uptime")),
        "risk": Risk.NONE,
        "timeout_seconds": 60,
        "requester": ANN,
        "pace": Pace(),
        "made_ms": NOW_MS,
        "expires_seconds": 300.0,
        "expires_ms": NOW_MS + 300_000,
        "approval": Approval.NONE,
        "why": "it is slow",
    }
    return Job(**{**values, **changes})


def commands_of(job: Job, *states: CommandState, **changes: Any) -> list[Command]:
    """Return one command of ``job`` for each state, on hosts h0, h1 and so on."""
    return [
        Command(str(uuid.uuid4()), job.id, position, f"id{position}", f"h{position}", state, NOW_MS, **changes)
        for position, state in enumerate(states)
    ]
