"""Asking a model as one diagnosis may: redacted once more, paid for, in time, tried again where that helps, and logged.

Everything that leaves goes through ``Metered.answer``; there is no other way to a provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from nagare.diagnosis.models.budget import Budget
from nagare.diagnosis.models.exchange import Exchange, ExchangeLog, Outcome
from nagare.diagnosis.models.json_text import Json
from nagare.diagnosis.models.provider import (
    Answered,
    Ask,
    End,
    ModelProvider,
    Reply,
    Said,
    Tokens,
    Told,
    ToolCall,
    Turn,
    estimated_tokens,
    text_of,
)
from nagare.errors import DeadlineExceededError, NagareError, RateLimitedError, UnavailableError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock

Redact = Callable[[str], str]
Hear = Callable[[str, str], None]

_ATTEMPTS = 4
# What a model wrote goes back to it so long at the most, in characters.
_WRITTEN_LIMIT = 32_000
_OUTCOMES = {End.STOP: Outcome.ANSWERED, End.LENGTH: Outcome.CUT, End.BLOCKED: Outcome.BLOCKED}


def hear_nobody(_asker: str, _text: str) -> None:
    """Listen to nobody while they write."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one call may take, and how it is tried again; in seconds."""

    call_seconds: float = 60.0
    attempts: int = _ATTEMPTS
    backoff: Callable[[], Backoff] = Backoff


@dataclass(slots=True)
class Metered:
    """One provider as one diagnosis may use it, by several askers at one time.

    ``redact`` takes out of every text what must not leave. ``until`` is the moment of the monotonic clock by which all must be done.
    """

    provider: ModelProvider
    budget: Budget
    redact: Redact
    log: ExchangeLog
    clock: Clock
    until: float
    pace: Pace = field(default_factory=Pace)
    hear: Hear = hear_nobody

    async def answer(self, asker: str, ask: Ask) -> Reply:
        """Return the answer to ``ask``.

        Raises LimitExceededError before anything leaves that might cost too much, DeadlineExceededError, and what
        ``ModelProvider.answer`` raises once trying again helps no more.
        """
        shown = redacted(ask, self.redact)
        backoff = self.pace.backoff()
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(asker, shown)
            except (RateLimitedError, UnavailableError) as error:
                wait = backoff.next_seconds(error.retry_after_seconds)
                if attempt == self.pace.attempts or self.clock.monotonic() + wait >= self.until:
                    raise
                await self.clock.sleep(wait)

    async def _once(self, asker: str, ask: Ask) -> Reply:
        prompt = text_of(ask)
        lease = self.budget.lease(estimated_tokens(prompt), ask.answer_tokens)
        trial = _Trial(lease, Exchange(asker, self.provider.model, self.clock.now_ms(), prompt))
        try:
            async with self._kept(trial):
                reply = await self._in_time(asker, replace(ask, answer_tokens=lease.answer), trial.heard)
                trial.answered(reply)
        finally:
            self.budget.settle(lease, trial.used)
        return reply

    @asynccontextmanager
    async def _kept(self, trial: _Trial) -> AsyncIterator[None]:
        started = self.clock.monotonic()
        id_ = await self.log.began(trial.exchange)
        try:
            yield
        except NagareError as error:
            trial.failed(Outcome.LATE if isinstance(error, DeadlineExceededError) else Outcome.FAILED, error.message)
            raise
        except asyncio.CancelledError:
            trial.failed(Outcome.CANCELLED, "")
            raise
        finally:
            cost, seconds = self.budget.prices.cost(trial.used), self.clock.monotonic() - started
            ended = replace(trial.exchange, tokens=trial.used, cost=cost, seconds=seconds)
            await asyncio.shield(self.log.ended(id_, ended))

    async def _in_time(self, asker: str, ask: Ask, heard: list[str]) -> Reply:
        def hear(text: str) -> None:
            heard.append(text)
            self.hear(asker, text)

        seconds = min(self.pace.call_seconds, self.until - self.clock.monotonic())
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                return await self.provider.answer(ask, hear)
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"cannot ask the model: no whole answer within {seconds:.0f} s", hint="diagnosis.call_seconds"
            ) from error


@dataclass(slots=True)
class _Trial:
    lease: Tokens
    exchange: Exchange
    used: Tokens = field(default_factory=Tokens)
    heard: list[str] = field(default_factory=list)

    def answered(self, reply: Reply) -> None:
        self.used = reply.tokens
        answer = text_of(Ask("", (Answered(reply.text, reply.calls),))).strip()
        outcome = _OUTCOMES[reply.end]
        self.exchange = replace(self.exchange, model=reply.model, answer=answer, outcome=outcome, why=reply.why)

    def failed(self, outcome: Outcome, why: str) -> None:
        text = "".join(self.heard)
        if outcome is not Outcome.FAILED:
            # Nobody knows how far it came, thoughts and all: it counts as all that it was let to write.
            self.used = replace(self.lease, is_estimate=True)
        elif self.heard:
            # What began to be answered is paid for; a refusal is not.
            self.used = Tokens(self.lease.prompt, estimated_tokens(text), is_estimate=True)
        self.exchange = replace(self.exchange, answer=text, outcome=outcome, why=why)


def redacted(ask: Ask, redact: Redact) -> Ask:
    """Return ``ask`` without what must not leave; what the model wrote itself goes back through the same door."""

    def by_lines(text: str) -> str:
        # A redactor cuts the text that it takes; a case is longer, and no line of it is.
        return "\n".join(map(redact, text.split("\n")))

    return replace(ask, system=by_lines(ask.system), turns=tuple(_turn(turn, by_lines) for turn in ask.turns))


def _turn(turn: Turn, redact: Redact) -> Turn:
    match turn:
        case Said(text):
            return Said(redact(text))
        case Answered(text, calls):
            return Answered(redact(text[:_WRITTEN_LIMIT]), tuple(_call(call, redact) for call in calls))
        case Told(results):
            return Told(tuple((_call(call, redact), redact(text)) for call, text in results))


def _call(call: ToolCall, redact: Redact) -> ToolCall:
    if call.arguments is None:
        return call
    return replace(call, arguments={name: _value(value, redact) for name, value in call.arguments.items()})


def _value(value: Json, redact: Redact) -> Json:
    return redact(value[:_WRITTEN_LIMIT]) if isinstance(value, str) else value
