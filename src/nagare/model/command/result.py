"""How a command ended: with which exit, why, what it cost, what held it, and the kept part of what it wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nagare.lib.plain_text import plain_lines
from nagare.model.command.states import CommandState

# The most that is kept of either end of a stream: a result with both streams is a frame that every reader takes.
KEPT_BYTES = 2**18


class Reason(StrEnum):
    """Why a command did not run, or ended as it did."""

    # The envelope is no envelope.
    MALFORMED = "malformed"
    NOT_CANONICAL = "not-canonical"
    UNKNOWN_VERSION = "unknown-version"
    TOO_LARGE = "too-large"
    # It is not the server's, not for this host, or not for now.
    NO_KEY = "no-key"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    WRONG_HOST = "wrong-host"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    REPLAYED = "replayed"
    # What was approved is not what would run here.
    UNKNOWN_ACTION = "unknown-action"
    ACTION_CHANGED = "action-changed"
    PLAN_CHANGED = "plan-changed"
    BAD_ARGUMENTS = "bad-arguments"
    BAD_SECRETS = "bad-secrets"
    NOT_APPROVED = "not-approved"
    SELF_APPROVED = "self-approved"
    # This host does not want it.
    NOT_GRANTED = "not-granted"
    NO_POLICY = "no-policy"
    POLICY_UNTRUSTED = "policy-untrusted"
    POLICY_INVALID = "policy-invalid"
    POLICY_DENIES = "policy-denies"
    SHELL_OFF = "shell-off"
    BREAK_GLASS_OFF = "break-glass-off"
    # This host cannot run it.
    NEEDS_ROOT = "needs-root"
    NO_PIDS_LIMIT = "no-pids-limit"
    NO_PROGRAM = "no-program"
    BUSY = "busy"
    JOURNAL_FAILED = "journal-failed"
    START_FAILED = "start-failed"
    # It ran, and ended.
    EXIT = "exit"
    SIGNAL = "signal"
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output-limit"
    CANCELLED = "cancelled"
    # The agent ended in order: before the command began, or with it.
    AGENT_STOPPED = "agent-stopped"
    # The agent was ended while it ran, and cannot say how it ended.
    AGENT_DIED = "agent-died"
    NOT_STARTED = "not-started"
    # The server's own word, of what never went out or never came back.
    REJECTED = "rejected"
    JOB_STOPPED = "job-stopped"
    SECRETS_GONE = "secrets-gone"
    NO_WORD = "no-word"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class StreamKept:
    """What is kept of one output stream: its first and its last bytes, and how many there were and were not kept."""

    head: bytes = b""
    tail: bytes = b""
    total_bytes: int = 0
    dropped_bytes: int = 0

    def text(self) -> str:
        """Return it as text that a terminal may show: no escapes, no controls, and a line where bytes are missing."""
        head, tail = (plain_lines(part.decode(errors="replace")) for part in (self.head, self.tail))
        if not self.dropped_bytes:
            return plain_lines((self.head + self.tail).decode(errors="replace"))
        return f"{head}\n… {self.dropped_bytes} bytes dropped …\n{tail}"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of a command; times are Unix milliseconds, ``exit_code`` and ``signal`` None when it has none.

    ``confinement`` names what held the program (bubblewrap, systemd, cgroup, rlimits; empty when it did not run), and
    ``holds`` what that held, one by one.
    """

    state: CommandState
    reason: Reason
    text: str = ""
    exit_code: int | None = None
    signal: int | None = None
    started_ms: int | None = None
    ended_ms: int = 0
    cpu_seconds: float = 0.0
    max_rss_bytes: int = 0
    confinement: str = ""
    holds: tuple[str, ...] = ()
    stdout: StreamKept = field(default_factory=StreamKept)
    stderr: StreamKept = field(default_factory=StreamKept)
