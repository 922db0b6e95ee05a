"""Makes a schedule step by step: the form, all of it with its next moments to agree to, then the server. Esc is one step back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from nagare.client.jobs.plans import PlanRow
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.lib.units import format_seconds
from nagare.tui.automation.draft import ScheduleDraft, moments_told, next_moments, request_of
from nagare.tui.automation.rows import as_text
from nagare.tui.screens.agreement import Agreement, Question
from nagare.tui.screens.schedule_form import ScheduleForm

if TYPE_CHECKING:
    from nagare.tui.app import TopApp
    from nagare.wire.tasks import ScheduleRequest, ScheduleView

_MOMENTS = 5


async def make_schedule(app: TopApp, taken: Iterable[str], made: Callable[[ScheduleView], None]) -> None:
    """Have a schedule filled in until the server takes it, or it is left; ``taken`` are the names of those that there are."""
    try:
        kinds = tuple(await app.source.tasks().kinds())
    except NagareError as error:
        app.say(plain(error.message), plain(error.hint))
        return
    draft, said = ScheduleDraft(kinds, frozenset(taken)), ""
    while (filled := await app.push_screen_wait(ScheduleForm(draft, app.clock, said))) is not None:
        draft, said = filled, ""
        try:
            name, request = request_of(draft)
            moments = moments_told(next_moments(draft, app.clock.now_ms(), _MOMENTS), app.clock.now_ms())
            if await app.push_screen_wait(Agreement(_question(name, request, moments))) is None:
                continue
            view = await app.source.schedules().save(name, request)
        except NagareError as error:
            said = plain(f"{error.message}; {error.hint}" if error.hint else error.message)
            continue
        made(view)
        app.say(f"made: schedule {plain(view.name)}", f"next {plain(view.next[0])}" if view.next else "it is off")
        return


def _question(name: str, request: ScheduleRequest, moments: list[str]) -> Question:
    missed = {"run-all": f"run-all, {request.missed_limit} at the most"}.get(request.missed, request.missed)
    rows = [
        PlanRow("schedule", (plain(name),)), PlanRow("when", (plain(f"{request.cron} ({request.zone})"),)),
        PlanRow("comes", tuple(moments)), PlanRow("makes", (plain(request.kind),)),
        PlanRow("with", (as_text(request.arguments) or "no arguments",), is_prose=True),
        PlanRow("missed", (f"{missed}; in time is what is late by {format_seconds(request.grace_seconds)} at the most",)),
        PlanRow("overlap", (plain(request.overlap),)),
    ]  # fmt: skip
    rows += (
        [PlanRow("is", ("switched off: it makes nothing until somebody switches it on",))]
        if not request.enabled
        else []
    )
    rows += [PlanRow("what for", (plain(request.text, 500),), is_prose=True)] if request.text else []
    warning = "its tasks run on your behalf, with what you may at that time"
    return Question("Make this schedule?", tuple(rows), "make it", warning=warning)
