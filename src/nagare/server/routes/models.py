"""Models: whether the configured one works, what was said to them and by them, and forgetting it."""

from __future__ import annotations

from nagare.diagnosis.log.kept import Kept
from nagare.diagnosis.models.trial import try_model
from nagare.errors import InputError
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.models import ExchangeList, ExchangeView, Removed, TrialView

_LIMIT, _LIMIT_MOST = 50, 500


async def list_exchanges(call: Call) -> ExchangeList:
    """Return exchanges without their texts, the newest first."""
    verb = "list exchanges with models"
    limit = whole_number(call.query, "limit", verb, 1, _LIMIT_MOST) or _LIMIT
    found = await call.services.diagnoses.model_log.newest(
        _place(call.query.get("page", "")), limit + 1, call.query.get("diagnosis", "")
    )
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return ExchangeList([view_of(one) for one in page], "" if last is None else f"{last.exchange.at_ms}.{last.id}")


async def get_exchange(call: Call) -> ExchangeView:
    """Return an exchange with its texts."""
    return view_of(await call.services.diagnoses.model_log.get(call.path("id")))


async def remove_exchange(call: Call) -> None:
    """Forget an exchange."""
    call.note.tell(call.path("id"))
    await call.services.diagnoses.model_log.remove(call.path("id"))


async def remove_exchanges(call: Call) -> Removed:
    """Forget all exchanges of a diagnosis."""
    diagnosis = call.path("id")
    count = await call.services.diagnoses.model_log.remove_all(diagnosis)
    call.note.tell(diagnosis, before={"exchanges": count})
    return Removed(count)


async def check_model(call: Call) -> TrialView:
    """Ask the configured model two short questions."""
    services = call.services
    call.note.tell(services.settings.diagnosis.model)
    made = await try_model(
        services.settings.diagnosis, services.diagnoses.model_log.of("", call.principal.name), services.clock
    )
    call.note.tell(after={"tokens": made.tokens, "calls_tools": made.calls_tools, "keeps_form": made.keeps_form})
    return TrialView(made.model, made.calls_tools, made.keeps_form, made.tokens, made.cost, made.seconds, made.fault)


def view_of(kept: Kept) -> ExchangeView:
    """Return an exchange as it goes over HTTP."""
    one = kept.exchange
    return ExchangeView(
        id=kept.id,
        at=format_ms(one.at_ms),
        diagnosis=kept.diagnosis_id,
        asked_by=kept.asked_by,
        asker=one.asker,
        model=one.model,
        outcome=one.outcome.value,
        why=one.why,
        prompt_tokens=one.tokens.prompt,
        answer_tokens=one.tokens.answer,
        is_estimate=one.tokens.is_estimate,
        cost=one.cost,
        seconds=one.seconds,
        verdict=kept.verdict,
        prompt=one.prompt,
        answer=one.answer,
    )


def _place(text: str) -> tuple[int, str] | None:
    if not text:
        return None
    at_ms, _, id_ = text.partition(".")
    if not (at_ms.isascii() and at_ms.isdigit() and len(at_ms) <= 16 and id_):
        raise InputError(
            "cannot list exchanges with models: page is none", errors=[{"parameter": "page", "detail": "is no page"}]
        )
    return int(at_ms), id_


_ALL, _ONE = "/api/v1/models/log", "/api/v1/models/log/{id}"
_READ, _WRITE = Permission.MODELS_READ, Permission.MODELS_WRITE
ROUTES = (
    Route(
        "GET", _ALL, list_exchanges, "What was said to models, the newest first, without the texts", _READ, reply=ExchangeList,
        params=(
            Param("diagnosis", "string", "of that diagnosis only"),
            Param("limit", "integer", f"how many, {_LIMIT_MOST} at the most"),
            Param("page", "string", "next of the answer before"),
        ),
    ),
    Route(
        "POST", "/api/v1/models/check", check_model, "Ask the configured model whether it works", _WRITE,
        reply=TrialView, action="models.check",
    ),
    Route("GET", _ONE, get_exchange, "One exchange with a model, whole", _READ, reply=ExchangeView),
    Route("DELETE", _ONE, remove_exchange, "Forget an exchange with a model", _WRITE, action="models.forget"),
    Route(
        "DELETE", "/api/v1/diagnoses/{id}/log", remove_exchanges, "Forget what was said to models for a diagnosis", _WRITE,
        reply=Removed, action="models.forget_all",
    ),
)  # fmt: skip
