"""Lines of the journals of suspected units, read on their hosts by commands of the asker: redacted, chosen, bounded.

A diagnosis runs nothing by itself. Where its asker wants journals, each is read by the typed action ``service.logs``, as the
asker and with all that this demands; what could not be read is told, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.redact import TEXT_LIMIT
from nagare.diagnosis.rules.facts import Suspicion
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind

Redact = Callable[[str], str]
ACTION = "service.logs"
# All journals of one diagnosis are read side by side within this time.
SECONDS_MOST = 12.0
_UNITS_MOST, _TELLING_MOST, _LAST_MOST = 3, 6, 2
_SINCE_MOST_SECONDS = 86_400
# Lines stand behind what a finding rests on, and before what merely stands beside it.
_BEHIND, _CITED_MOST = 4, 3
_LINE = re.compile(r"(?P<at>\d{4}-\d\d-\d\dT[\d:.,]+(?:[+-]\d\d:?\d\d|Z)?) \S+ (?P<said>.*)")
_TELLING = re.compile(
    r"\b(?:err(?:or)?s?|fail(?:ed|s|ure)?|fatal|panic|denied|refused|timed? ?out|killed|cannot|unable|no space|out of memory|segfault|exception|traceback|abort(?:ed)?|corrupt\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was read: ``text`` as the journal has it, foreign words; ``place`` is the command that brought it."""

    text: str
    place: str


class Journal(Protocol):
    """Reads journals as somebody who may."""

    async def read(self, host: str, unit: str, since_seconds: int) -> Excerpt:
        """Return the newest lines of a unit's journal. Raises NagareError with why it could not be read."""
        ...


@dataclass(slots=True)
class Journals:
    """Lines by host and unit, those that tell of trouble first, and words for people."""

    lines: dict[tuple[str, str], list[Seen]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[Seen]:
        """Every line."""
        return [line for lines in self.lines.values() for line in lines]

    def told(self, one: Suspicion) -> Suspicion:
        """Return ``one`` with what its unit wrote of trouble; it makes nothing surer."""
        lines = [line for unit in _units(one) for line in self.lines.get((one.host, unit), ()) if line.is_bad]
        return replace(one, seen_for=[*one.seen_for[:_BEHIND], *lines[:_CITED_MOST], *one.seen_for[_BEHIND:]])


async def read_journals(
    journal: Journal | None, found: Sequence[Suspicion], since_seconds: int, redact: Redact
) -> Journals:
    """Return what the units wrote that ``found`` names, the likeliest first; nothing where there is no ``journal`` to ask."""
    journals = Journals()
    if journal is None:
        return journals
    wanted = list(dict.fromkeys((one.host, unit) for one in found for unit in _units(one)))[:_UNITS_MOST]
    if not wanted:
        journals.notes.append("no journal was read: no unit is suspected")
        return journals
    since = min(since_seconds, _SINCE_MOST_SECONDS)
    async with asyncio.TaskGroup() as group:
        for host, unit in wanted:
            group.create_task(_read(journal, (host, unit), since, journals, redact), name=f"diagnose-journal-{unit}")
    return journals


async def _read(
    journal: Journal, place: tuple[str, str], since_seconds: int, journals: Journals, redact: Redact
) -> None:
    host, unit = place
    try:
        async with asyncio.timeout(SECONDS_MOST):
            excerpt = await journal.read(host, unit, since_seconds)
    except TimeoutError:
        journals.notes.append(plain(f"the journal of {unit} on {host} did not come in time", 400))
    except NagareError as error:
        journals.notes.append(plain(redact(f"the journal of {unit} on {host} was not read: {error.message}"), 400))
    else:
        journals.lines[place] = list(_chosen(place, excerpt, redact))
        if not journals.lines[place]:
            journals.notes.append(plain(f"the journal of {unit} on {host} has no line of that time", 400))


def _chosen(place: tuple[str, str], excerpt: Excerpt, redact: Redact) -> Iterator[Seen]:
    """Yield of the newest lines those that tell of trouble, each once, then the last of the others."""
    # As a whole first: what is secret may go over several lines.
    lines = [line for line in redact(_newest(excerpt.text)).splitlines() if line.strip()]
    telling = list({_without_numbers(line): line for line in lines if _TELLING.search(line)}.values())[-_TELLING_MOST:]
    yield from (_seen(place, line, excerpt.place, is_bad=True) for line in telling)
    others = [line for line in lines if not _TELLING.search(line)]
    yield from (_seen(place, line, excerpt.place, is_bad=False) for line in others[-_LAST_MOST:])


def _newest(text: str) -> str:
    if len(text) <= TEXT_LIMIT:
        return text
    # The first line may be cut.
    return text[-TEXT_LIMIT:].partition("\n")[2]


def _without_numbers(line: str) -> str:
    found = _LINE.fullmatch(line)
    return re.sub(r"\d+", "#", line if found is None else found["said"])


def _seen(place: tuple[str, str], line: str, command: str, *, is_bad: bool) -> Seen:
    host, unit = place
    found = _LINE.fullmatch(line)
    said, at_ms = (line, None) if found is None else (found["said"], _moment(found["at"]))
    draft = Evidence(
        "", EvidenceKind.LOG, host, f"{unit} wrote: {said}", began_ms=at_ms, about=f"unit {unit}", place=command
    )
    return Seen("logs", host, lambda: draft, is_bad, keys={"unit": unit, "text": said}, began_ms=at_ms)


def _moment(text: str) -> int | None:
    try:
        return round(datetime.fromisoformat(text.replace(",", ".")).timestamp() * 1000)
    except ValueError:
        return None


def _units(one: Suspicion) -> list[str]:
    """Return the units that ``one`` is about: those that its proposal would read, or whose processes it rests on."""
    proposed = one.proposal.arguments.get("unit", "") if one.proposal is not None else ""
    named = [proposed, *(seen.keys.get("unit", "") for seen in one.seen_for[:_BEHIND])]
    return list(dict.fromkeys(name for name in named if name.endswith(".service")))
