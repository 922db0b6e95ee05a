"""What pages about commands share: agreeing, refusing, cancelling, each behind a dialogue that shows exactly what it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from nagare.client.jobs.plans import PlanRow, is_pending, job_rows
from nagare.client.jobs.results import in_order, is_ended
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.tui.jobs.rows import is_over
from nagare.tui.screens.page import Page
from nagare.tui.work import start_work

if TYPE_CHECKING:
    from nagare.tui.screens.agreement import Question
    from nagare.wire.command_jobs import JobView

Ask = Callable[["JobView"], "Question"]
Do = Callable[["JobView", str], Awaitable["JobView"]]
_DECIDES = ("job.approve", "job.reject")


class JobVerbs(Page):
    """Mixed into pages that have a job: under the cursor, or as what they are about."""

    def chosen_job(self) -> JobView | None:
        """Return the job that actions are about, None when there is none."""
        raise NotImplementedError

    def take_job(self, job: JobView) -> None:
        """Show a job as it is now."""
        raise NotImplementedError

    def can(self, action: str) -> bool:
        """Agree to what waits, and cancel what has not ended."""
        if action in _DECIDES or action == "job.cancel":
            job = self.chosen_job()
            return job is not None and (is_pending(job) if action in _DECIDES else not is_over(job))
        return super().can(action)

    def why_not(self, action: str) -> str:
        """Say also that nobody agrees to what they asked for themselves."""
        reason = super().why_not(action)
        if reason or action != "job.approve":
            return reason
        job, caller = self.chosen_job(), self.model.caller
        if job is None or caller is None:
            return ""
        is_own = job.requester == caller.name and is_pending(job)
        return "you asked for it: another person must agree" if is_own else ""

    def targets(self) -> list[str]:
        """Return the hosts that a new command is for."""
        raise NotImplementedError

    def do_job_new(self) -> None:
        """Compose a command."""
        from nagare.tui.composing import compose_command  # noqa: PLC0415  loaded when shown

        compose_command(self.top, " ".join(self.targets()))

    def do_job_approve(self) -> None:
        """Agree to the plan."""

        def ask(job: JobView) -> Question:
            from nagare.tui.screens.agreement import Question, word_for  # noqa: PLC0415  loaded when shown

            word = word_for(command.host for command in job.commands)
            return Question("Agree as the second person", tuple(job_rows(job)), "approve", word)

        self._decide(ask, lambda job, _: self.top.source.jobs().approve(job.id, job.plan_sha256), "approved")

    def do_job_reject(self) -> None:
        """Refuse the plan."""

        def ask(job: JobView) -> Question:
            from nagare.tui.screens.agreement import Question  # noqa: PLC0415  loaded when shown

            return Question("Refuse", tuple(job_rows(job)), "reject", reason="why it must not run")

        self._decide(ask, lambda job, why: self.top.source.jobs().reject(job.id, why), "rejected")

    def do_job_cancel(self) -> None:
        """End the job."""

        def ask(job: JobView) -> Question:
            from nagare.tui.screens.agreement import Question, word_for  # noqa: PLC0415  loaded when shown

            open_ = [command for command in job.commands if not is_ended(command.state)]
            hosts = [command.host for command in open_]
            stands = in_order(job.counts)
            named = f"{', '.join(map(plain, hosts))} ({len(hosts)} of {len(job.commands)} hosts)"
            rows = (
                PlanRow("job", (f"{plain(job.action)} {plain(job.id)}",)),
                PlanRow("asked by", (plain(job.requester),)),
                PlanRow("stands", (stands,)),
                PlanRow("ends on", (named,), is_prose=True),
            )
            warning = "what runs is killed with all that it started; what has ended stays as it is"
            return Question("Cancel", rows, "cancel it", word_for(hosts), warning=warning)

        self._decide(ask, lambda job, _: self.top.source.jobs().cancel(job.id), "cancelled")

    def _decide(self, ask: Ask, do: Do, said: str) -> None:
        job = self.chosen_job()
        if job is not None:
            start_work(self, partial(self._decided, job.id, ask, do, said), "decide", exclusive=False)

    async def _decided(self, job_id: str, ask: Ask, do: Do, said: str) -> None:
        from nagare.tui.screens.agreement import Agreement  # noqa: PLC0415  loaded when shown

        try:
            # As it is now, and whole: a list has no hosts, and may be seconds old.
            job = await self.top.source.jobs().job(job_id)
            self.take_job(job)
            reason = await self.app.push_screen_wait(Agreement(ask(job)))
            if reason is None:
                return
            self.take_job(await do(job, reason))
            self.top.say(f"{said}: {plain(job.action)} {plain(job.id)[:8]}")
        except NagareError as error:
            self.top.say(plain(error.message), plain(error.hint))
