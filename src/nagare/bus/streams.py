"""The streams: which subjects each stores, for how long, and what happens when it is full. Pure.

A table, so that the page about the bus, the embedded store and JetStream say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nagare.bus.message import Message
from nagare.bus.subjects import Pattern, check_subject, partition_of
from nagare.errors import InputError, NotFoundError
from nagare.lib.invariant import invariant

DAY = 86_400.0
MIB = 2**20
# Subjects whose stream is remembered; hosts have one each, so there may be many.
_ROUTES_LIMIT = 100_000


class Full(StrEnum):
    """What a stream does at its bound."""

    DROP_OLDEST = "drop_oldest"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """One stream: messages of ``subjects``, in one order, until the first of three bounds is reached.

    ``partitions``: the last token of its one subject is a number that follows from the key of the message.
    """

    name: str
    subjects: tuple[str, ...]
    keep_seconds: float
    limit_messages: int
    limit_bytes: int
    full: Full = Full.DROP_OLDEST
    duplicate_seconds: float = 120.0
    partitions: int = 0


# What waits to be worked on is never dropped to make room: its publisher is told. What is only looked at may be, and what
# is said of a task: the row decides, and is told again, while a refusal would let all tasks wait for days.
STREAMS: tuple[StreamSpec, ...] = (
    StreamSpec("metrics", ("metrics.raw", "metrics.normalized"), 3600.0, 1_000_000, 256 * MIB),
    StreamSpec("events", ("events.*",), 7 * DAY, 2_000_000, 512 * MIB),
    StreamSpec("alerts", ("alerts.*",), 30 * DAY, 2_000_000, 512 * MIB),
    StreamSpec(
        "commands", ("commands.pending", "commands.dispatch.*", "commands.result"), 30 * DAY, 10_000_000, 2048 * MIB,
        Full.REJECT,
    ),
    StreamSpec("tasks", ("tasks.*",), 7 * DAY, 2_000_000, 512 * MIB),
    StreamSpec("messages", ("messages.*",), 30 * DAY, 10_000_000, 1024 * MIB, partitions=16),
    StreamSpec("visualization", ("visualization.updates",), 600.0, 10_000, 64 * MIB),
    StreamSpec("audit", ("audit",), 30 * DAY, 10_000_000, 1024 * MIB, Full.REJECT),
)  # fmt: skip
# Messages given up on, of every other stream: dead.<stream>.
DEAD = StreamSpec("dead", ("dead.*",), 30 * DAY, 100_000, 256 * MIB)


class Streams:
    """The streams of one bus, and which of them a subject belongs to."""

    def __init__(self, specs: Sequence[StreamSpec] = STREAMS) -> None:
        """Take ``specs`` and the stream of dead letters; a subject may belong to one stream only."""
        self.specs = (*specs, DEAD)
        self._by_name = {spec.name: spec for spec in self.specs}
        patterns = [(Pattern(subject), spec) for spec in self.specs for subject in spec.subjects]
        _check_apart(patterns)
        # Dead letters are written by the bus alone.
        self._patterns = [(pattern, spec) for pattern, spec in patterns if spec is not DEAD]
        self._partitioned = {spec.subjects[0].removesuffix(".*"): spec for spec in self.specs if spec.partitions}
        self._routes: dict[str, StreamSpec] = {}

    def get(self, name: str) -> StreamSpec:
        """Return the stream ``name``. Raises NotFoundError."""
        found = self._by_name.get(name)
        if found is None:
            raise NotFoundError(f"cannot find stream {name[:80]!r}: there are {', '.join(self._by_name)}")
        return found

    def route(self, message: Message) -> tuple[StreamSpec, str]:
        """Return the stream of ``message`` and the subject that it gets there.

        Raises InvalidLabelError, NotFoundError, or InputError for a message without the key that its stream needs.
        """
        subject = message.subject
        if (spec := self._partitioned.get(subject)) is not None:
            if not message.key:
                raise InputError(
                    f"cannot publish message {message.id}: subject {subject} has partitions, so it needs a key"
                )
            return spec, f"{subject}.{partition_of(message.key, spec.partitions)}"
        return self._routes.get(subject) or self._find(subject), subject

    def _find(self, subject: str) -> StreamSpec:
        check_subject(subject)
        for pattern, spec in self._patterns:
            if pattern.matches(subject):
                if len(self._routes) >= _ROUTES_LIMIT:
                    self._routes.clear()
                self._routes[subject] = spec
                return spec
        raise NotFoundError(f"cannot publish under subject {subject}: no stream stores it")


def _check_apart(patterns: Iterable[tuple[Pattern, StreamSpec]]) -> None:
    seen: list[tuple[Pattern, StreamSpec]] = []
    for pattern, spec in patterns:
        for other, owner in seen:
            invariant(
                not pattern.overlaps(other), f"streams {owner.name} and {spec.name} share no subject: {pattern.text}"
            )
        seen.append((pattern, spec))
