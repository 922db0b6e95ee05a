"""What the tools saw, by host and tool, and a suspicion: a hypothesis before its evidence has ids. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nagare.diagnosis.evidence.seen import Seen
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity


class Facts:
    """Everything that was seen."""

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        """Begin with ``seen``."""
        self._seen: dict[tuple[str, str], list[Seen]] = defaultdict(list)
        self.add(seen)

    def add(self, seen: Iterable[Seen]) -> None:
        """Take more in."""
        for one in seen:
            self._seen[one.host, one.tool].append(one)

    @property
    def hosts(self) -> list[str]:
        """The hosts that anything was seen of, by name."""
        return sorted({host for host, _ in self._seen if host})

    def of(self, host: str, tool: str) -> list[Seen]:
        """Return what ``tool`` saw of ``host``."""
        return self._seen.get((host, tool), [])

    def bad(self, host: str, *tools: str) -> list[Seen]:
        """Return what of that is worth a look."""
        return [one for tool in tools for one in self.of(host, tool) if one.is_bad]

    def fine(self, host: str, *tools: str) -> list[Seen]:
        """Return what of that is as it should be, one a tool: what speaks against a cause."""
        found = []
        for tool in tools:
            seen = self.of(host, tool)
            if seen and not any(one.is_bad for one in seen):
                found.append(seen[0])
        return found

    def all_bad(self) -> Iterator[Seen]:
        """Yield everything that is worth a look."""
        return (one for seen in self._seen.values() for one in seen if one.is_bad)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A possible cause: ``seen_for`` begins with what it rests on. Times are Unix milliseconds."""

    cause: str
    title: str
    host: str
    confidence: float
    severity: Severity
    seen_for: Sequence[Seen]
    seen_against: Sequence[Seen] = ()
    about: str = ""
    next_check: str = ""
    proposal: ProposedAction | None = None
    began_ms: int | None = None
    # The shipped alert rule that means the same, whose guide has the steps.
    rule: str = ""


Rule = Callable[[Facts, str], Iterable[Suspicion]]


def began(seen: Iterable[Seen]) -> int | None:
    """Return when the first of ``seen`` that is known to have begun did."""
    return min((one.began_ms for one in seen if one.began_ms is not None), default=None)


def weighed(base: float, backing: Sequence[Seen], doubts: Sequence[Seen]) -> float:
    """Return a confidence: each thing that backs it takes a third of the doubt away, each that speaks against it a fifth of it."""
    doubt = 1.0 - base
    for _ in backing:
        doubt *= 2 / 3
    kept = 1.0 - doubt
    for _ in doubts:
        kept *= 0.8
    return round(min(max(kept, 0.01), 0.97), 2)
