"""What an agent says of itself in a file beside its spool, for whoever asks on its host."""

from __future__ import annotations

import msgspec


class QueueStatus(msgspec.Struct, frozen=True):
    """Batches that wait for the server; ``oldest_seconds`` is null while it is not known."""

    batches: int
    bytes: int
    limit_bytes: int
    oldest_seconds: float | None


class SentStatus(msgspec.Struct, frozen=True):
    """Batches since the start of the agent; ``failures`` counts attempts to send."""

    sent: int
    resent: int
    thinned: int
    dropped: int
    damaged: int
    failures: int


class CommandsStatus(msgspec.Struct, frozen=True):
    """Remote commands: whether the server may send any, the connection for them, and what is held by what.

    ``hold`` is empty before a command was looked at: what confines programs is found then.
    """

    is_granted: bool
    is_connected: bool
    running: int
    waiting: int
    policy: str
    hold: str = ""
    holds: list[str] = []


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """``spool/status.json``, written anew every ``every_seconds``; times are Unix milliseconds, null before there is one.

    ``connection`` is up, down, or trying before the first attempt ended. ``ended_ms`` is that of a clean end.
    """

    v: int
    at_ms: int
    every_seconds: float
    pid: int
    version: str
    host: str
    server: str
    started_ms: int
    ended_ms: int | None
    connection: str
    last_sent_ms: int | None
    last_error: str
    last_error_ms: int | None
    queue: QueueStatus
    since_start: SentStatus
    commands: CommandsStatus


AGENT_STATUS_VERSION = 1
