"""What a tool saw, before it is evidence: it becomes so, and takes an id, only when somebody wants to tell of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.window import Window
from nagare.model.diagnosis.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Ground:
    """What a tool looks at: a window, of ``host`` or, where that is empty, of every host that the caller sees."""

    asker: Asker
    window: Window
    host: str = ""
    # What is looked for, in words: only tools that search have a use for it.
    about: str = ""
    # The hosts that a tool is asked of which is asked once for all of them, and when trouble was first seen of each (Unix ms).
    hosts: tuple[str, ...] = ()
    onsets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    # Others see it than who asks: nothing is told that only who sees all of the installation may see.
    is_shared: bool = False
    # Labels of hosts that name what they hang on.
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One component as a tool saw it. ``draft`` makes the evidence, without an id.

    ``values`` are its numbers by name, whether they are figures or not; ``keys`` are texts about it, foreign ones.
    ``is_bad``: worth a look by itself.
    """

    tool: str
    host: str
    draft: Callable[[], Evidence]
    is_bad: bool = False
    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    began_ms: int | None = None

    def value(self, name: str) -> float:
        """Return a number of it, zero where there is none."""
        return self.values.get(name, 0.0)


Look = Callable[[Ground], Awaitable[list[Seen]]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One narrow question. ``text`` says what it answers; ``table`` is the one that it reads, which a caller must see."""

    name: str
    text: str
    table: str
    look: Look
    # Makes sense for one host only.
    is_detail: bool = False
    # Asked once for all hosts that look bad (``hosts`` of the ground); a model asks it of one.
    is_joint: bool = False
    # Answers ``about`` of the ground; every other tool tells of its table.
    is_search: bool = False
