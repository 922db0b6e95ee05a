"""Reasoning with a model beside the rules: opens the provider, holds the budget, and falls back on the rules whatever happens."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.investigators.coordinator import Coordinator, first_asks
from nagare.diagnosis.models.budget import Budget, Prices
from nagare.diagnosis.models.connection import connection_of
from nagare.diagnosis.models.exchange import ExchangeLog
from nagare.diagnosis.models.metered import Metered, Pace, Redact, redacted
from nagare.diagnosis.models.provider import ModelProvider, text_of
from nagare.diagnosis.models.selection import make_provider
from nagare.diagnosis.offline import OfflineReasoner
from nagare.diagnosis.progress import Stage
from nagare.diagnosis.reasoning import Case, Reasoned, Reasoner
from nagare.diagnosis.redact import make_redactor
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.diagnosis import Usage

# Whoever keeps to the time ends by itself; so long after it, what still waits for the model is given up.
_GRACE_SECONDS = 2.0
NOTHING_WRONG = "nothing looks wrong, so no model was asked"


class Log(Protocol):
    """Where what is said to models is kept."""

    def of(self, diagnosis_id: str, asked_by: str) -> ExchangeLog:
        """Return where one diagnosis writes."""
        ...

    async def judge(self, diagnosis_id: str, verdict: str) -> None:
        """Keep what was made of the answers of a diagnosis."""
        ...


class ModelReasoner:
    """Rules first, then a model; ``log`` keeps what is said about a case."""

    def __init__(self, settings: DiagnosisSettings, rules: Reasoner, redact: Redact, log: Log, clock: Clock) -> None:
        """Keep the neighbours; nothing is opened before it is needed."""
        self._settings = settings
        self._rules = rules
        self._redact = redact
        self._log = log
        self._clock = clock

    @property
    def seconds_most(self) -> float:
        """Return the time after which the model's part is over in any case, its opening and closing included."""
        return self._settings.total_seconds + 2 * _GRACE_SECONDS

    async def reason(self, case: Case) -> Reasoned:
        """Return what rules and model make of ``case``; what the rules make of it alone where the model cannot be asked."""
        floor = await self._rules.reason(case)
        if not floor.findings and not case.scope.question:
            return replace(floor, notes=(NOTHING_WRONG, *floor.notes[1:]))
        started = self._clock.monotonic()
        late: tuple[str, ...] = ()
        budget = make_budget(self._settings)
        case.progress.stage(Stage.MODEL, text=self._settings.model)
        try:
            # Google's client takes a second to load.
            provider = await asyncio.to_thread(make_provider, self._settings.provider, connection_of(self._settings))
            async with provider, asyncio.timeout(self._settings.total_seconds + _GRACE_SECONDS):
                made = await self._coordinator(case, floor, provider, budget).run()
        except TimeoutError:
            # It may have used tokens, which is told; what the rules found stands.
            made, late = (
                replace(floor, notes=()),
                ("the model was not done in time: these are the findings of the rules",),
            )
        except NagareError as error:
            return replace(floor, notes=(*floor.notes, plain(f"the model could not be asked: {error.message}", 400)))
        seconds = self._clock.monotonic() - started
        used = budget.used
        usage = Usage(self._settings.model, used.prompt, used.answer, round(budget.cost, 6), round(seconds, 3))
        words = f"model {self._settings.model} was asked: {used.total} tokens, {budget.cost:.4f} US dollars"
        return replace(made, usage=usage, notes=(words, *floor.notes[1:], *late, *made.notes))

    async def preview(self, case: Case) -> list[tuple[str, str]]:
        """Return what would leave at first, by who asks, and send nothing. What tools answer would follow."""
        floor = await self._rules.reason(case)
        asks = first_asks(case, floor, self._settings)
        return [(name, text_of(redacted(ask, self._redact))) for name, ask in asks]

    async def judged(self, case: Case, standing: int, struck: int) -> None:
        """Keep in the log how many findings about ``case`` stand and how many claims were struck out. Raises StorageError."""
        words = f"{standing} {'finding stands' if standing == 1 else 'findings stand'}, {struck} struck out"
        await self._log.judge(case.id, words)

    def _coordinator(self, case: Case, floor: Reasoned, provider: ModelProvider, budget: Budget) -> Coordinator:
        until = self._clock.monotonic() + self._settings.total_seconds
        pace = Pace(call_seconds=self._settings.call_seconds)
        metered = Metered(
            provider,
            budget,
            self._redact,
            self._log.of(case.id, case.asked_by),
            self._clock,
            until,
            pace,
            case.progress.words,
        )
        return Coordinator(case, floor, metered, self._settings)


def make_reasoner(settings: DiagnosisSettings, log: Log, clock: Clock) -> ModelReasoner:
    """Return what reasons with the model of ``settings``. Raises ConfigError for a bad pattern."""
    return ModelReasoner(settings, OfflineReasoner(settings.pages_seconds), make_redactor(settings.redact), log, clock)


def make_budget(settings: DiagnosisSettings) -> Budget:
    """Return the budget of one diagnosis."""
    prices = Prices(settings.prompt_price, settings.answer_price)
    return Budget(prices, token_limit=settings.token_limit, cost_limit=settings.cost_limit)
