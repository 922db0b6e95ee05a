"""Pages of jobs, the newest first: from the records, and on into what left them where that is asked for.

Jobs of the records are read first, then which ones left them, then blocks, which have those by then: wherever a job is on its
way meanwhile, a page has it once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nagare.commands.asking import HistoryBook
from nagare.commands.history import job_of_row
from nagare.commands.store import CommandStore, Place
from nagare.commands.views import summary_view
from nagare.model.command.job import JobsWanted
from nagare.wire.command_jobs import JobList, JobView

# Jobs of the history that one page looks through: what is sought may be seldom, and nobody waits for five years of days.
_CANDIDATES = 500
# In these no job leaves the records.
_OPEN = frozenset({"pending", "running"})


@dataclass(slots=True)
class _Part:
    """The jobs of one place, None for those that are not shown; ``floor`` is the last that was looked at, where others follow."""

    jobs: dict[Place, JobView | None] = field(default_factory=dict)
    floor: Place | None = None


class Listing:
    """Lists jobs."""

    def __init__(self, store: CommandStore, book: HistoryBook) -> None:
        """Keep the neighbours."""
        self._store = store
        self._book = book

    async def page(
        self, hosts: Collection[str] | None, wanted: JobsWanted, limit: int, after: str, *, with_history: bool
    ) -> JobList:
        """Return jobs without their commands, of those with some on ``hosts`` (None: of all) as they are there.

        An id ``after`` that nobody knows is behind all. Raises StorageError.
        """
        if hosts is not None and wanted.host and wanted.host not in hosts:
            return JobList([])
        begin = await self._store.find_place(after) if after else None
        if after and begin is None:
            return JobList([])
        parts = [await self._kept(hosts, wanted, limit, begin)]
        if with_history and wanted.state not in _OPEN:
            parts.append(await self._moved(hosts, wanted, begin))
        return _joined(parts, limit)

    async def _kept(self, hosts: Collection[str] | None, wanted: JobsWanted, limit: int, begin: Place | None) -> _Part:
        # What the state of a job is for who sees a part of it only that part tells.
        sought = wanted if hosts is None else replace(wanted, state="")
        jobs = await self._store.page(limit + 1, begin, sought)
        counts = await self._store.states([job.id for job in jobs], hosts)
        part = _Part(
            {Place(job.made_ms, job.id): _shown(summary_view(job, counts[job.id], []), wanted) for job in jobs}
        )
        if len(jobs) > limit:
            part.floor = min(part.jobs)
        return part

    async def _moved(self, hosts: Collection[str] | None, wanted: JobsWanted, begin: Place | None) -> _Part:
        places = await self._store.find_moved_places(_CANDIDATES, begin, wanted.since_ms)
        if not places:
            return _Part()
        rows = await self._book.list_history(places[-1].made_ms, places[0].made_ms, wanted, hosts)
        found = {view.id: view for row in rows for view in [_moved_view(row)]}
        # One that moved since the records were read may have been among them: it stands there, and comes first.
        part = _Part({place: _shown(found.get(place.job_id), wanted) for place in places})
        if len(places) == _CANDIDATES:
            part.floor = places[-1]
        return part


def _shown(view: JobView | None, wanted: JobsWanted) -> JobView | None:
    is_seen = view is not None and view.counts and (not wanted.state or view.state == wanted.state)
    return view if is_seen else None


def _moved_view(row: Mapping[str, object]) -> JobView:
    job = job_of_row(row)
    counts = row["counts"]
    assert isinstance(counts, Mapping)
    return summary_view(job, {str(state): int(count) for state, count in counts.items()}, [], moved=True)


def _joined(parts: Sequence[_Part], limit: int) -> JobList:
    """Return the newest of all parts, as far down as each of them was looked at."""
    jobs: dict[Place, JobView | None] = {}
    for part in reversed(parts):
        # One that moved before it was counted is empty where it was, and whole where it is.
        jobs |= {place: view for place, view in part.jobs.items() if view is not None or place not in jobs}
    floors = [part.floor for part in parts if part.floor is not None]
    floor = max(floors, default=None)
    places = [place for place in sorted(jobs, reverse=True) if floor is None or place >= floor]
    shown: list[JobView] = []
    for number, place in enumerate(places, start=1):
        view = jobs[place]
        if view is not None:
            shown.append(view)
        if len(shown) == limit:
            has_more = number < len(places) or floor is not None
            return JobList(shown, place.job_id if has_more else "")
    return JobList(shown, places[-1].job_id if floor is not None else "")
