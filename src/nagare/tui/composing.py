"""Composes a command step by step: the action, its form, the plan with its agreement, the start. Esc is one step back.

What is agreed to is what was shown: those hosts by name, and that plan; the server refuses another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from nagare.client.jobs.plans import PlanRow, check_rows
from nagare.errors import DeadlineExceededError, NagareError, UnavailableError
from nagare.lib.plain_text import plain
from nagare.model.command.approval import Approval
from nagare.tui.jobs.draft import Draft, request_of
from nagare.tui.jobs.target_rows import Fleet
from nagare.tui.location import Location
from nagare.tui.screens.action_choice import ActionChoice
from nagare.tui.screens.agreement import Agreement, Question, word_for
from nagare.tui.screens.command_form import CommandForm
from nagare.tui.work import start_work
from nagare.wire.command_jobs import asking_only, confirmed

if TYPE_CHECKING:
    from nagare.tui.actions import Action
    from nagare.tui.app import TopApp
    from nagare.wire.command_jobs import CheckView, JobRequest
    from nagare.wire.diagnosis import ProposalView

_SECOND = (
    "another person must agree: it waits for them an hour, or as long as it may if that is more; nothing runs before"
)
_GLASS = "NOBODY ELSE AGREES: it runs at once, and an event and the audit log tell everyone"
_UNKNOWN = "it may have begun, or not: the list tells"


def compose_command(app: TopApp, targets: str, verbs: Sequence[Action] = ()) -> None:
    """Compose a command for ``targets``, as its field takes them, empty when none are chosen yet; or do one of ``verbs`` of our own."""
    start_work(app, partial(_compose, app, targets, verbs), "compose")


def compose_proposal(app: TopApp, proposal: ProposalView, why: str) -> None:
    """Fill the form in with what a diagnosis proposes; what runs, and whether, is agreed to as ever."""
    start_work(app, partial(_compose_proposal, app, proposal, why), "compose")


async def _compose_proposal(app: TopApp, proposal: ProposalView, why: str) -> None:
    try:
        actions = await app.source.jobs().actions()
    except NagareError as error:
        app.say(plain(error.message), plain(error.hint))
        return
    action = next((one for one in actions if one.name == proposal.action), None)
    if action is None:
        app.say(f"the server knows no action {plain(proposal.action, 60)}: it may have been taken away")
        return
    if not action.may_run:
        app.say(f"your role may not run {plain(action.name)}: it takes the capability {plain(action.capability)}")
        return
    arguments = {f"argument-{name}": value for name, value in proposal.arguments.items()}
    await _filled_in(app, Draft(action, {"targets": proposal.host, **arguments, "why": why}))


async def _compose(app: TopApp, targets: str, verbs: Sequence[Action]) -> None:
    try:
        actions = await app.source.jobs().actions()
    except NagareError as error:
        app.say(plain(error.message), plain(error.hint))
        return
    while (action := await app.push_screen_wait(ActionChoice(actions, targets, verbs))) is not None:
        if isinstance(action, str):
            await app.act(action)
            return
        if await _filled_in(app, Draft(action, {"targets": targets})):
            return


async def _filled_in(app: TopApp, draft: Draft) -> bool:
    """Have the form filled in until it is started; False when it was left."""
    said = ""
    while True:
        filled = await app.push_screen_wait(CommandForm(draft, partial(find_fleet, app), said))
        if filled is None:
            return False
        draft, said = filled, ""
        try:
            request = request_of(draft)
            check = await app.source.jobs().check(asking_only(request))
            if not check.hosts:
                said = f"no host can be asked: {_unable(check)}"
            elif await app.push_screen_wait(Agreement(question_of(check, request))) is not None:
                return await _started(app, request, check)
        except NagareError as error:
            said = plain(f"{error.message}; {error.hint}" if error.hint else error.message)


async def find_fleet(app: TopApp) -> Fleet:
    """Return what is known of hosts; of groups nothing where the server does not tell them."""
    hosts = {name: host.view.labels if host.view else {} for name, host in app.model.hosts.items()}
    try:
        groups = {group.name: group.hosts for group in await app.source.groups()}
    except NagareError:
        groups = {}
    return Fleet(hosts, groups)


async def _started(app: TopApp, request: JobRequest, check: CheckView) -> bool:
    try:
        job = await app.source.jobs().start(confirmed(request, check))
    except (UnavailableError, DeadlineExceededError) as error:
        # Asking again could run it twice: whether it was made is for the list to tell.
        await app.go(Location("commands"))
        app.say(plain(error.message), _UNKNOWN)
        return True
    await app.go(app.page.location.with_job(job.id))
    return True


def question_of(check: CheckView, request: JobRequest) -> Question:
    """Return what is asked before it runs, as its risk wants it."""
    rows = [*check_rows(check), *_more_rows(request)]
    match check.needs:
        case Approval.NONE:
            return Question("Run this?", tuple(rows), "run it")
        case Approval.SELF_CONFIRM:
            return Question("Run this?", tuple(rows), "run it", word_for(check.hosts))
        case _ if request.break_glass:
            rows.append(PlanRow("glass", (f"broken: {plain(request.break_glass)}",), is_prose=True))
            word = word_for(check.hosts)
            title = "BREAK GLASS: run this without the second person?"
            return Question(title, tuple(rows), "run it without agreement", word, warning=_GLASS, is_grave=True)
        case _:
            return Question("Ask for this?", tuple(rows), "ask for it", word_for(check.hosts), warning=_SECOND)


def _more_rows(request: JobRequest) -> list[PlanRow]:
    pace = request.batches
    told = f"{pace.concurrency} hosts at one time"
    told += f", {pace.canary} first" if pace.canary else ""
    told += f", stopping after {pace.stop_after} that did not end well" if pace.stop_after else ", never stopping"
    rows = [PlanRow("pace", (told,))]
    rows += (
        [PlanRow("secrets", (", ".join(map(plain, sorted(request.secrets))) + ": given, shown nowhere",))]
        if request.secrets
        else []
    )
    rows += [PlanRow("why", (plain(request.why),), is_prose=True)] if request.why else []
    return rows


def _unable(check: CheckView) -> str:
    return "; ".join(f"{plain(host)}: {plain(why)}" for host, why in list(check.unable.items())[:5]) or "none is meant"
