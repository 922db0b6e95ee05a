"""Commands: what was run, what runs, and what waits for somebody, over all hosts; the newest first, what waits before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nagare.tui.job_verbs import JobVerbs
from nagare.tui.jobs.rows import JOB_COLUMNS, is_over, job_labels, job_row, moment_ms
from nagare.tui.keymap import bindings_for
from nagare.tui.location import format_span
from nagare.tui.replay.jobs_then import jobs_at
from nagare.tui.screens.polled_page import PolledPage
from nagare.tui.widgets.live_table_messages import RowSelected

if TYPE_CHECKING:
    from nagare.wire.command_jobs import JobView

_MOST_JOBS = 500


class CommandsPage(JobVerbs, PolledPage):
    """The list of jobs."""

    contexts: ClassVar[tuple[str, ...]] = ("list", "table", "jobs", "lists")
    BINDINGS = bindings_for(contexts)
    columns = JOB_COLUMNS
    follows_time = True

    async def fetch_items(self) -> dict[str, Any]:
        """Return the jobs of the shown time."""
        start_ms, end_ms = self.window.bounds_ms(self.top.clock.now_ms())

        async def is_before_end(job: JobView) -> bool:
            return (moment_ms(job.made_at) or 0) <= end_ms

        fits = None if self.window.is_live else is_before_end
        found = await self.top.source.jobs().jobs(fits, since_ms=start_ms, limit=_MOST_JOBS)
        if self.moment_ms is not None:
            found = jobs_at(end_ms, found, await self.top.source.commands_after(start_ms, end_ms))
        return {job.id: job for job in found}

    def row_of(self, item: Any, now_ms: int) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """Return the cells of a job."""
        return job_row(item, now_ms), job_labels(item)

    def moves(self, item: Any) -> bool:
        """Tell whether a job is still open."""
        return not is_over(item)

    def nothing(self) -> str:
        """Say for which time there is no command, and what to do."""
        return f"no command in the {format_span(self.window.span_seconds)} shown: n runs one, t looks further back"

    def notice(self) -> tuple[str, str, str] | None:
        """Say how many wait for a person, and that older ones are left out."""
        notice = super().notice()
        if notice is not None or self.top.feed.trouble is not None:
            return notice
        waiting = sum(1 for job in self._items.values() if self._waits_for_us(job))
        if waiting:
            return (
                "warn",
                f"{waiting} {'waits' if waiting == 1 else 'wait'} for a second person: a agrees, R refuses",
                "",
            )
        if len(self._items) >= _MOST_JOBS:
            return "info", f"only the newest {_MOST_JOBS} are shown; t chooses another time", "time.choose"
        return None

    def _waits_for_us(self, job: JobView) -> bool:
        return job.state == "pending" and (self.model.caller is None or job.requester != self.model.caller.name)

    def chosen_job(self) -> JobView | None:
        """Return the job under the cursor."""
        job: JobView | None = self.item_at_cursor()
        return job

    def take_job(self, job: JobView) -> None:
        """Show a job as it is now."""
        self.take_item(job.id, job)

    def targets(self) -> list[str]:
        """Return no host: the form asks for them."""
        return []

    async def on_live_table_row_selected(self, message: RowSelected) -> None:
        """Go into the job."""
        await self.top.go(self.location.with_job(message.key))
