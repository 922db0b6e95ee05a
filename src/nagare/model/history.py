"""Tables whose rows live in the records while they change and in blocks of their own once they do not.

SQL sees both places as one table. A row has one ``id``; ``revision`` rises with every change of it, so that of two copies
the newer one is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.model.tables import Column, ColumnKind, ColumnType, Table


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows as one for each value of ``by``: any of their ``kept``, and in ``counts`` how many have each value of ``counted``.

    Every row has the values of ``equal``, and in one column of ``within``, if that is given; a group has a row with each of
    ``having``.
    """

    by: str
    counted: str
    kept: tuple[str, ...]
    equal: Mapping[str, str] = field(default_factory=dict)
    having: Mapping[str, str] = field(default_factory=dict)
    within: tuple[str, Collection[str]] | None = None


# What names a row, and which of two rows of one name is the later one.
ROW_ID, ROW_REVISION = "id", "revision"
# Of either stream, in characters: enough to see what it was about.
HEAD_LIMIT = 2000

_TEXT, _INTEGER, _FLOAT = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.FLOAT
_KEY, _ATTRIBUTE, _GAUGE = ColumnKind.KEY, ColumnKind.ATTRIBUTE, ColumnKind.GAUGE
COMMANDS = Table(
    "commands",
    "Remote commands, for who has `commands.read`; one row a command on a host. Those of jobs that ended long ago are in blocks.",
    (
        Column("ts", _INTEGER, _ATTRIBUTE, "when it was asked for"),
        Column("host", _TEXT, _KEY, "name of the host"),
        Column("id", _TEXT, _KEY, "id of the command"),
        Column("job", _TEXT, _ATTRIBUTE, "id of the job that it is part of"),
        Column("action", _TEXT, _ATTRIBUTE, "name of the action"),
        Column(
            "state",
            _TEXT,
            _ATTRIBUTE,
            "pending, approved, queued, sent, started, done, failed, expired, lost, cancelled",
        ),
        Column("reason", _TEXT, _ATTRIBUTE, "why it ended as it did; empty while it has not"),
        Column("text", _TEXT, _ATTRIBUTE, "the same in words"),
        Column("exit_code", _INTEGER, _ATTRIBUTE, "exit code of the program; null without one"),
        Column("started_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds when it began, by the clock of the host"),
        Column("ended_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds when it ended, by the clock of the host"),
        Column("cpu_seconds", _FLOAT, _GAUGE, "processor time that it took"),
        Column("max_rss_bytes", _INTEGER, _GAUGE, "most memory of one of its processes"),
        Column("requester", _TEXT, _ATTRIBUTE, "who asked for it"),
        Column(
            "approval", _TEXT, _ATTRIBUTE, "none, self-confirm, second-person, break-glass; empty while nobody agreed"
        ),
        Column("approver", _TEXT, _ATTRIBUTE, "who agreed"),
        Column("why", _TEXT, _ATTRIBUTE, "what for, in the words of who asked"),
        Column("arguments", _TEXT, _ATTRIBUTE, "its arguments, JSON; of secret ones there is nothing"),
        Column("argvs", _TEXT, _ATTRIBUTE, "the words of each of its programs, JSON"),
        Column("risk", _TEXT, _ATTRIBUTE, "none, self-confirm or second-person: what the action asks for"),
        Column("changed_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds when it came into its state"),
        Column("signal", _INTEGER, _ATTRIBUTE, "signal that ended the program; null without one"),
        Column("confinement", _TEXT, _ATTRIBUTE, "what held the program"),
        Column("holds", _TEXT, _ATTRIBUTE, "what that held, JSON"),
        Column("stdout", _TEXT, _ATTRIBUTE, f"the first {HEAD_LIMIT} characters of its output; null without any"),
        Column("stderr", _TEXT, _ATTRIBUTE, f"the first {HEAD_LIMIT} characters of its errors; null without any"),
        Column("stdout_bytes", _INTEGER, _GAUGE, "how many bytes of output there were"),
        Column("stderr_bytes", _INTEGER, _GAUGE, "how many bytes of errors there were"),
        Column("break_glass", _TEXT, _ATTRIBUTE, "why it went without its second person"),
        Column("stopped", _TEXT, _ATTRIBUTE, "why its job ended before all hosts had their turn"),
        Column("cancelled_by", _TEXT, _ATTRIBUTE, "who wanted its job ended"),
        Column("requester_id", _TEXT, _ATTRIBUTE, "id of who asked"),
        Column("approver_id", _TEXT, _ATTRIBUTE, "id of who agreed"),
        Column("host_id", _TEXT, _ATTRIBUTE, "id of the host"),
        Column("position", _INTEGER, _ATTRIBUTE, "its place in the order of its job, from 0"),
        Column("action_sha256", _TEXT, _ATTRIBUTE, "hash of what the action meant"),
        Column("plan_sha256", _TEXT, _ATTRIBUTE, "hash of what was agreed to"),
        Column("secrets", _TEXT, _ATTRIBUTE, "names of its secret arguments, JSON"),
        Column("pace", _TEXT, _ATTRIBUTE, "how its job went through its hosts, JSON: canary, concurrency, stop_after"),
        Column("timeout_seconds", _INTEGER, _ATTRIBUTE, "how long it might run"),
        Column("expires_seconds", _FLOAT, _ATTRIBUTE, "how long it might wait for its host"),
        Column("expires_ms", _INTEGER, _ATTRIBUTE, "Unix milliseconds after which it would not begin"),
        Column("revision", _INTEGER, _ATTRIBUTE, "how often it changed"),
    ),
)
HISTORY_TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in (COMMANDS,)})
