"""Whether a model does what diagnoses need of it: it answers, it calls a tool, it keeps to a form. Two short questions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.models.budget import Budget, Prices
from nagare.diagnosis.models.connection import connection_of
from nagare.diagnosis.models.exchange import ExchangeLog
from nagare.diagnosis.models.json_text import Json, find_object
from nagare.diagnosis.models.metered import Metered, Pace
from nagare.diagnosis.models.provider import Ask, Said, Tool
from nagare.diagnosis.models.selection import make_provider
from nagare.errors import ConfigError, NagareError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain

ASKER = "check"
_SYSTEM = "You are asked whether you work. Answer as briefly as you can."
_TOOL = Tool("look", "Looks at the disks of a host.", {"type": "object", "properties": {"host": {"type": "string"}}})
_SCHEMA: Mapping[str, Json] = {
    "type": "object", "properties": {"works": {"type": "boolean"}}, "required": ["works"], "additionalProperties": False,
}  # fmt: skip
_ANSWER_TOKENS = 2048
_TOOLED = Ask(_SYSTEM, (Said("Look at the disks of web1."),), (_TOOL,), answer_tokens=_ANSWER_TOKENS)
_FORMED = Ask(_SYSTEM, (Said("Do you work?"),), schema=_SCHEMA, answer_tokens=_ANSWER_TOKENS)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. ``cost`` in US dollars; ``fault`` says why there is no answer, empty where there is one."""

    model: str
    calls_tools: bool
    keeps_form: bool
    tokens: int
    cost: float
    seconds: float
    fault: str = ""


async def try_model(settings: DiagnosisSettings, log: ExchangeLog, clock: Clock) -> Trial:
    """Ask the configured model."""
    started = clock.monotonic()
    prices = Prices(settings.prompt_price, settings.answer_price)
    budget = Budget(prices, token_limit=settings.token_limit, cost_limit=settings.cost_limit)
    calls_tools, keeps_form, fault, model = False, False, "", settings.model
    try:
        _check_configured(settings)
        async with await asyncio.to_thread(make_provider, settings.provider, connection_of(settings)) as provider:
            pace = Pace(call_seconds=settings.call_seconds, attempts=1)
            until = started + settings.total_seconds
            metered = Metered(provider, budget, str, log, clock, until, pace)
            tooled = await metered.answer(ASKER, _TOOLED)
            calls_tools, model = any(call.name == _TOOL.name for call in tooled.calls), tooled.model
            told = find_object((await metered.answer(ASKER, _FORMED)).text)
            keeps_form = told is not None and isinstance(told.get("works"), bool)
    except NagareError as error:
        fault = plain(error.message, 400)
    seconds = clock.monotonic() - started
    return Trial(model, calls_tools, keeps_form, budget.used.total, budget.cost, seconds, fault)


def _check_configured(settings: DiagnosisSettings) -> None:
    if settings.provider == "none":
        raise ConfigError("cannot ask a model: none is configured", hint="docs/how-to/connect-a-model.md")
