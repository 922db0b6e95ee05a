"""One line of what matters about one job, so that it stays in sight on every tab."""

from __future__ import annotations

from nagare.lib.units import format_seconds
from nagare.tui.jobs.rows import agreed_text, arguments_text, ended_of, job_state, moment_ms
from nagare.tui.widgets.fact_line import FactLine
from nagare.wire.command_jobs import JobView


class JobSummary(FactLine):
    """State, how many hosts it has ended on, what runs, who asked, how old it is."""

    def tell(self, job: JobView | None, now_ms: int) -> None:
        """Take what matters of ``job``."""
        if job is None:
            self.standing, self.facts = ("", ""), ()
            return
        ended, total = ended_of(job)
        state = job_state(job)
        waits = " for a second person" if state == "pending" else ""
        self.standing = (state, f"{waits} {ended}/{total}")
        age = format_seconds(max(0, now_ms - (moment_ms(job.made_at) or now_ms)) // 1000)
        told = [(job.action, arguments_text(job)), ("by", job.requester), ("age", age), ("risk", job.risk)]
        told += [("agreed", agreed_text(job))] if agreed_text(job) else []
        told += [("stopped:", job.stopped)] if job.stopped else []
        told += [("why", job.why)] if job.why else []
        self.facts = tuple(told)
