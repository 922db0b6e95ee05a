"""Diagnoses: asking what is wrong, seeing what was found, and forgetting it."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from nagare.diagnosis.evidence.window import Window, window_of_alert
from nagare.diagnosis.models.connection import connection_of
from nagare.diagnosis.question import Question
from nagare.diagnosis.reasoning import Search
from nagare.diagnosis.service import Sees
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.model.deed import Outcome
from nagare.model.diagnosis.diagnosis import Scope
from nagare.model.principal import Permission
from nagare.server.audited import deed_of
from nagare.server.diagnosis_book import asker_of, check_covers, may_see, wanted_of
from nagare.server.diagnosis_stream import NDJSON, tell_progress
from nagare.server.journal_desk import JournalDesk
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import check_sees, sees
from nagare.wire.diagnosis import (
    DiagnoseRequest,
    DiagnosisLine,
    DiagnosisList,
    DiagnosisView,
    PromptList,
    PromptView,
    RatingRequest,
    RatingView,
)

_LIMIT, _LIMIT_MOST = 50, 500
# Of an answer to an investigator.
_PASSAGES = 5


async def diagnose(call: Call) -> DiagnosisView:
    """Say what is wrong and why, and keep it."""
    request: DiagnoseRequest = call.value
    call.note.tell(request.host or request.alert or "fleet", after={"since_seconds": request.since_seconds})
    question = await _question(call, request)
    view = await call.services.diagnoses.diagnose(question)
    told = {"diagnosis": view.id, "verdict": view.verdict, "since_seconds": request.since_seconds}
    call.note.tell(after=told | ({"model": view.usage.model} if view.usage is not None else {}))
    return view


async def follow(call: Call) -> web.StreamResponse:
    """Say what is wrong and why, and how far that is while it lasts; it ends with whoever waits for it."""
    request: DiagnoseRequest = call.value
    call.note.tell(request.host or request.alert or "fleet", after={"since_seconds": request.since_seconds})
    question = await _question(call, request)
    return await tell_progress(call, question)


async def rate(call: Call) -> DiagnosisView:
    """Keep whether a diagnosis helped."""
    request: RatingRequest = call.value
    call.note.tell(call.path("id"), after={"verdict": request.verdict})
    kept = await call.services.diagnoses.get_kept(call.path("id"), _sees(call))
    check_covers(call.principal, call.services.fleet, kept, "rate")
    rating = RatingView(
        request.verdict, plain(request.word), call.principal.name, format_ms(call.services.clock.now_ms())
    )
    before = kept.view.rating
    call.note.tell(before=None if before is None else {"verdict": before.verdict, "rated_by": before.rated_by})
    return await call.services.diagnoses.rate(kept, rating)


async def preview(call: Call) -> PromptList:
    """Show what a model would be told first; nothing is sent."""
    found = await call.services.diagnoses.preview(await _question(call, call.value))
    settings = call.services.settings.diagnosis
    return PromptList(settings.model, connection_of(settings).endpoint, [PromptView(*one) for one in found])


async def _question(call: Call, request: DiagnoseRequest) -> Question:
    services, principal = call.services, call.principal
    after = await services.diagnoses.get_kept(request.after, _sees(call)) if request.after else None
    host, alert_id = request.host, request.alert
    if after is not None and not (host or alert_id):
        host, alert_id = "" if after.view.alert else after.view.host, after.view.alert
    asker = asker_of(principal, services.store, services.fleet)
    scope, window = Scope(host, alert_id, plain(request.question)), _window(request, services.clock.now_ms())
    if alert_id:
        seen = partial(sees, principal, services.fleet, Permission.ALERTS_READ)
        alert = await services.alerts.get(alert_id, seen)
        scope = Scope(alert.labels.get("host", ""), alert.id, scope.question)
        window = window_of_alert(alert.starts_ms, window)
    if scope.host:
        check_sees(principal, services.fleet, Permission.DIAGNOSE_RUN, scope.host)
        services.fleet.get(scope.host)
    history = () if after is None else await services.diagnoses.history(after.view, _sees(call))
    by_model = (request.model or bool(request.question)) and not request.evidence_only
    search, evidence_only = _search(call), request.evidence_only
    journal = _journal(call) if request.logs else None
    return Question(
        scope, window, asker, principal.name, evidence_only, by_model, after, search, history, journal=journal
    )


async def list_diagnoses(call: Call) -> DiagnosisList:
    """Return diagnoses, the newest first."""
    limit = whole_number(call.query, "limit", "list diagnoses", 1, _LIMIT_MOST) or _LIMIT
    found = call.services.diagnoses.find_all
    return await found(wanted_of(call.query), call.query.get("page", ""), limit, _sees(call))


async def get_diagnosis(call: Call) -> DiagnosisView:
    """Return a diagnosis."""
    return await call.services.diagnoses.get(call.path("id"), _sees(call))


async def remove_diagnosis(call: Call) -> None:
    """Forget a diagnosis."""
    call.note.tell(call.path("id"))
    kept = await call.services.diagnoses.get_kept(call.path("id"), _sees(call))
    view = kept.view
    check_covers(call.principal, call.services.fleet, kept, "forget")
    call.note.tell(before={"asked_by": view.asked_by, "verdict": view.verdict, "host": view.host})
    await call.services.diagnoses.remove(view.id)


def _sees(call: Call) -> Sees:
    return partial(may_see, call.principal, call.services.fleet)


def _search(call: Call) -> Search | None:
    if not call.principal.may(Permission.KB_READ):
        return None
    return partial(call.services.kb.search, limit=_PASSAGES, principal=call.principal)


def _journal(call: Call) -> JournalDesk:
    services = call.services
    return JournalDesk(services.commands, services.audit, call.principal, deed_of(call.request, None, Outcome.DONE))


def _window(request: DiagnoseRequest, now_ms: int) -> Window:
    until_ms = now_ms if request.until_ms is None else min(request.until_ms, now_ms)
    return Window(until_ms - round(request.since_seconds * 1000), until_ms)


_ALL, _ONE = "/api/v1/diagnoses", "/api/v1/diagnoses/{id}"
_READ, _RUN = Permission.DIAGNOSE_READ, Permission.DIAGNOSE_RUN
_PARAMS = (
    Param("host", "string", "of that host only"),
    Param("alert", "string", "of that alert only"),
    Param("limit", "integer", f"how many, {_LIMIT_MOST} at the most"),
    Param("page", "string", "next of the answer before"),
)
ROUTES = (
    Route(
        "POST", "/api/v1/diagnose", diagnose, "What is wrong and why, with evidence", _RUN,
        request=DiagnoseRequest, reply=DiagnosisView, action="diagnose.run", is_scoped=True, refuses=(404, 503, 504),
        is_body_optional=True,
    ),
    Route(
        "POST", "/api/v1/diagnose/follow", follow, "The same, a line of JSON each: how far it is, and what was found last", _RUN,
        request=DiagnoseRequest, reply=DiagnosisLine, media=NDJSON, action="diagnose.run", is_scoped=True,
        refuses=(404, 503, 504), is_body_optional=True,
    ),
    Route(
        "POST", "/api/v1/diagnose/preview", preview, "What a model would be told first; nothing is sent", _RUN,
        request=DiagnoseRequest, reply=PromptList, is_scoped=True, refuses=(404, 503, 504), is_body_optional=True,
    ),
    Route("GET", _ALL, list_diagnoses, "Diagnoses, the newest first", _READ, reply=DiagnosisList, params=_PARAMS, is_scoped=True),
    Route("GET", _ONE, get_diagnosis, "A diagnosis with its evidence", _READ, reply=DiagnosisView, is_scoped=True),
    Route(
        "PUT", f"{_ONE}/rating", rate, "Say whether a diagnosis helped", _RUN, request=RatingRequest, reply=DiagnosisView,
        action="diagnose.rate", is_scoped=True,
    ),
    Route("DELETE", _ONE, remove_diagnosis, "Forget a diagnosis", _RUN, action="diagnose.remove", is_scoped=True),
)  # fmt: skip
