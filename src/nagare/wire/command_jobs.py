"""Commands over HTTP: a job is one request, and a command what it becomes on one host.

Times are RFC 3339. Output is text that a terminal may show: foreign bytes were made plain on the way.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from nagare.wire.commands import ArgumentValue

Reason = Annotated[str, msgspec.Meta(max_length=1000)]
_Names = Annotated[list[str], msgspec.Meta(max_length=10_000)]


class ParameterView(msgspec.Struct, frozen=True):
    """One parameter of an action, as a form or a command line asks for it."""

    name: str
    kind: str
    text: str
    is_optional: bool = False
    is_list: bool = False
    default: ArgumentValue | None = None
    choices: list[str] = []
    low: int | None = None
    high: int | None = None
    roots: list[str] = []
    # What a text must match as a whole, its longest form in characters, whether it may have several lines; for lists, how many.
    pattern: str = ""
    longest: int = 256
    has_lines: bool = False
    most: int = 16


class ActionView(msgspec.Struct, frozen=True):
    """An action that this server knows; ``may_run`` is whether the caller may ask for it."""

    name: str
    version: int
    title: str
    risk: str
    capability: str
    needs_root: bool
    sha256: str
    parameters: list[ParameterView]
    timeout_seconds: int
    may_run: bool
    is_own: bool = False


class ActionList(msgspec.Struct, frozen=True):
    """``GET /api/v1/actions``: by name."""

    actions: list[ActionView]


class Targets(msgspec.Struct, frozen=True):
    """Which hosts are meant: those named, those of the groups, those with all of the labels, those a query names.

    What is given is joined (or); ``labels`` must all fit. ``query`` is SQL whose column ``host`` names hosts. ``all`` must
    be said: nothing at all is refused.
    """

    hosts: _Names = []
    groups: _Names = []
    labels: dict[str, str] = {}
    query: str = ""
    all: bool = False


class Batches(msgspec.Struct, frozen=True):
    """How a job goes through its hosts: some canaries first, then so many at one time, until too many have failed."""

    canary: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 20
    # Of commands that did not end as done: the next ones are cancelled. Zero: never stop. A failed canary always stops.
    stop_after: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 1


class JobRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/commands``. With ``check`` nothing is stored: the answer says what would run, where, and who must agree.

    ``confirm`` is the plan's hash from a check, repeated by whoever read it: it is the self-confirmation that risk asks for.
    ``break_glass`` is the reason for going without the second person.
    """

    action: Annotated[str, msgspec.Meta(max_length=128)]
    targets: Targets
    arguments: Annotated[dict[str, ArgumentValue], msgspec.Meta(max_length=64)] = {}
    # Values of secret parameters. They are held in memory until the hosts have them, and stand nowhere else.
    secrets: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    batches: Batches = Batches()
    why: Reason = ""
    check: bool = False
    confirm: Annotated[str, msgspec.Meta(max_length=64)] = ""
    break_glass: Reason = ""
    # From now (once approved: from the approval) until a command that has not begun never will. A job that waits for its
    # second person waits an hour at least.
    expires_seconds: Annotated[float, msgspec.Meta(ge=5, le=7 * 86_400)] = 300.0


class CheckView(msgspec.Struct, frozen=True):
    """What would run: the words of each variant, on these hosts, and what it takes (the hash is what one confirms)."""

    action: str
    action_sha256: str
    plan_sha256: str
    risk: str
    # none, self-confirm or second-person.
    needs: str
    argvs: list[list[str]]
    hosts: list[str]
    # Hosts that are meant and cannot be asked, by name: why not (offline, not granted, an agent that is too old).
    unable: dict[str, str] = {}


class StreamView(msgspec.Struct, frozen=True):
    """The kept part of one output stream as plain text, and how many bytes there were and were not kept."""

    text: str = ""
    total_bytes: int = 0
    dropped_bytes: int = 0


class CommandView(msgspec.Struct, frozen=True):
    """A command on one host. ``reason`` and ``text`` say why it ended as it did; streams are in a single job's view alone."""

    id: str
    host: str
    state: str
    changed_at: str
    reason: str = ""
    text: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_at: str | None = None
    ended_at: str | None = None
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
    confinement: str = ""
    holds: list[str] = []
    stdout: StreamView | None = None
    stderr: StreamView | None = None


class JobView(msgspec.Struct, frozen=True):
    """A job. ``state`` is pending, running, done (every command is) or ended (all have ended, not all well).

    ``counts`` has the number of its commands in each state.
    """

    id: str
    action: str
    arguments: dict[str, ArgumentValue]
    action_sha256: str
    plan_sha256: str
    risk: str
    approval: str
    requester: str
    approver: str
    why: str
    state: str
    made_at: str
    expires_at: str
    batches: Batches
    counts: dict[str, int]
    argvs: list[list[str]] = []
    # Empty in a list of jobs.
    commands: list[CommandView] = []
    # Why it was stopped before all hosts had their turn.
    stopped: str = ""
    # Why it went without its second person.
    break_glass: str = ""
    # It left the records for the history, where of each stream of output the first 2000 characters are kept.
    moved: bool = False
    # In the answer to the request alone: hosts that are meant and are not asked, or are away, by name: why.
    unable: dict[str, str] = {}


class JobList(msgspec.Struct, frozen=True):
    """``GET /api/v1/commands``: newest first; ``next`` is the id to go on behind, empty at the end."""

    jobs: list[JobView]
    next: str = ""


class Approve(msgspec.Struct, frozen=True):
    """``POST /api/v1/commands/{id}/approve``: the hash of the plan that one read and agrees to."""

    plan_sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Reject(msgspec.Struct, frozen=True):
    """``POST /api/v1/commands/{id}/reject``."""

    why: Reason = ""


class StateLine(msgspec.Struct, frozen=True, tag="state", tag_field="op"):
    """A line of ``GET /api/v1/commands/{id}/follow``: a command as it is now; at first one for each."""

    seq: int
    command: CommandView


class OutputLine(msgspec.Struct, frozen=True, tag="output", tag_field="op"):
    """A line of the same: output as it comes. ``offset`` counts bytes of the stream; a gap means that some was not kept up with."""

    seq: int
    host: str
    stream: str
    offset: int
    text: str


class JobLine(msgspec.Struct, frozen=True, tag="job", tag_field="op"):
    """The last line of the same: the job has ended; or a line that says that it still lives, with ``is_end`` false."""

    seq: int
    is_end: bool
    state: str
    counts: dict[str, int] = {}


FollowLine = StateLine | OutputLine | JobLine


def with_unable(view: JobView, unable: dict[str, str]) -> JobView:
    """Return ``view`` with why hosts that are meant are not asked, or are away."""
    return msgspec.structs.replace(view, unable=unable)


def with_commands(view: JobView, commands: list[CommandView]) -> JobView:
    """Return ``view`` with its commands as they are now, counted anew; its state says no more than that some are open."""
    counts: dict[str, int] = {}
    for command in commands:
        counts[command.state] = counts.get(command.state, 0) + 1
    state = "pending" if set(counts) == {"pending"} else "running"
    return msgspec.structs.replace(view, commands=commands, counts=counts, state=state)


def asking_only(request: JobRequest) -> JobRequest:
    """Return ``request`` as a check: nothing runs of it."""
    return msgspec.structs.replace(request, check=True)


def confirmed(request: JobRequest, check: CheckView) -> JobRequest:
    """Return ``request`` pinned to what was checked and shown: those hosts, by name, and that plan.

    A host that was named and cannot be asked stays among them, so that the server refuses it as it would have.
    """
    hosts = list(dict.fromkeys([*check.hosts, *request.targets.hosts]))
    return msgspec.structs.replace(request, targets=Targets(hosts), confirm=check.plan_sha256, check=False)
