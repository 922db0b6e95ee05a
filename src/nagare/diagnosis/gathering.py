"""Asks the tools: all hosts in scope with a query a table, then the suspicious ones in detail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.evidence.tools import TOOLS
from nagare.diagnosis.progress import Progress, Stage, Unheard
from nagare.diagnosis.rules.facts import Facts
from nagare.errors import DeadlineExceededError, NagareError, OverloadedError

log = logging.getLogger(__name__)
# Hosts that are looked at in detail: the most suspicious ones.
DETAILED_HOSTS = 5


@dataclass(slots=True)
class _Steps:
    """Counts the questions to tools, for who waits."""

    progress: Progress
    done: int = 0
    total: int = 0

    def more(self, count: int) -> None:
        self.total += count
        self.progress.stage(Stage.EVIDENCE, self.done, self.total)

    def one_done(self) -> None:
        self.done += 1
        self.progress.stage(Stage.EVIDENCE, self.done, self.total)


@dataclass(slots=True)
class Gathered:
    """What was seen, the hosts that were looked at in detail, and what could not be seen and why."""

    facts: Facts
    hosts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # Tools that the caller may use and that did not answer, or not with everything.
    failed: list[str] = field(default_factory=list)
    steps: _Steps = field(default_factory=lambda: _Steps(Unheard()))

    @property
    def hosts_seen(self) -> int:
        """Return of how many hosts anything came in the window."""
        return sum(bool(self.facts.of(host, "silence")) for host in self.facts.hosts)


async def gather(ground: Ground, progress: Progress | None = None) -> Gathered:
    """Ask every tool that the caller may use, and tell ``progress`` of each. Raises DeadlineExceededError, OverloadedError."""
    gathered = Gathered(Facts(), steps=_Steps(progress or Unheard()))
    facts, notes = gathered.facts, gathered.notes
    wide = [tool for tool in TOOLS.values() if not tool.is_detail]
    facts.add(await _ask_all(wide, ground, gathered))
    hosts = suspicious(facts) if not ground.host else [ground.host]
    if len(hosts) > DETAILED_HOSTS:
        notes.append(f"{len(hosts)} hosts look bad; the {DETAILED_HOSTS} worst were looked at in detail")
    gathered.hosts = hosts[:DETAILED_HOSTS]
    # Of a host that looks sound nobody asks what changed.
    bad = suspicious(facts)
    await _look_closer(gathered, ground, [host for host in gathered.hosts if host in bad])
    gathered.notes = list(dict.fromkeys(notes))
    gathered.failed = list(dict.fromkeys(gathered.failed))
    return gathered


async def _look_closer(gathered: Gathered, ground: Ground, bad: Sequence[str]) -> None:
    """Ask the tools of one host of each host that is looked at in detail, and those of several of those that look ``bad``."""
    facts = gathered.facts
    onsets = {host: began for host in bad if (began := _onset(facts, host, ground)) is not None}
    details = [tool for tool in TOOLS.values() if tool.is_detail and not tool.is_joint]
    for host in gathered.hosts:
        facts.add(await _ask_all(details, replace(ground, host=host), gathered))
    if bad:
        joint = [tool for tool in TOOLS.values() if tool.is_joint]
        facts.add(await _ask_all(joint, replace(ground, hosts=tuple(bad), onsets=onsets), gathered))


def _onset(facts: Facts, host: str, ground: Ground) -> int | None:
    """Return when trouble of ``host`` was first seen in the window, None where nothing tells."""
    begins = [one.began_ms for one in facts.all_bad() if one.host == host and one.began_ms is not None]
    return min((began for began in begins if began >= ground.window.from_ms), default=None)


def suspicious(facts: Facts) -> list[str]:
    """Return the hosts of which anything is worth a look, those of most such things first."""
    counts: dict[str, int] = {}
    for one in facts.all_bad():
        if one.host:
            counts[one.host] = counts.get(one.host, 0) + 1
    return sorted(counts, key=lambda host: (-counts[host], host))


async def _ask_all(tools: Iterable[Tool], ground: Ground, gathered: Gathered) -> Sequence[Seen]:
    """Ask ``tools`` side by side: the asker bounds how many queries run at one time."""
    chosen = []
    for tool in tools:
        if ground.asker.sees(tool.table):
            chosen.append(tool)
        elif not tool.is_joint:
            # What stands beside the findings is not missed.
            gathered.notes.append(f"{tool.name} were not looked at: they are not yours to see")
    gathered.steps.more(len(chosen))
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_ask(tool, ground, gathered), name=f"diagnose-{tool.name}") for tool in chosen]
    return [one for task in asked for one in task.result()]


async def _ask(tool: Tool, ground: Ground, gathered: Gathered) -> Sequence[Seen]:
    def told_part() -> None:
        gathered.failed.append(tool.name)
        gathered.notes.append(f"{tool.name} were too many: only a part was looked at")

    try:
        seen = await tool.look(replace(ground, asker=replace(ground.asker, on_cut=told_part)))
    except (DeadlineExceededError, OverloadedError) as error:
        gathered.notes.append(f"{tool.name} could not be looked at: {error.message}")
    except NagareError as error:
        log.warning("evidence_failed tool=%s: %s", tool.name, error.message)
        gathered.notes.append(f"{tool.name} could not be looked at")
    else:
        gathered.steps.one_done()
        return seen
    gathered.steps.one_done()
    gathered.failed.append(tool.name)
    return ()
