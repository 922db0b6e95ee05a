"""Asking as a diagnosis may: within its budget and its time, again where that helps, redacted, and logged before it leaves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from nagare.diagnosis.models.budget import Budget, Prices
from nagare.diagnosis.models.connection import Connection
from nagare.diagnosis.models.exchange import Exchange, Outcome
from nagare.diagnosis.models.metered import Metered, Pace
from nagare.diagnosis.models.openai.provider import OpenAiProvider
from nagare.diagnosis.models.provider import Answered, Ask, Said, Tokens, Told, ToolCall, estimated_tokens
from nagare.errors import ConfigError, DeadlineExceededError, LimitExceededError, RateLimitedError, StorageError
from nagare.lib.clock import ManualClock, SystemClock
from tests.support.model_server import KEY, MODEL, Act, ModelServer, model_server, says

ASK = Ask("You find causes.", (Said("Why is web1 slow?"),))


@dataclass
class Kept:
    """A log in memory."""

    exchanges: list[Exchange] = field(default_factory=list)
    is_broken: bool = False

    async def began(self, exchange: Exchange) -> str:
        """Keep it, or fail as a full disk does."""
        if self.is_broken:
            raise StorageError("cannot write records: no room")
        self.exchanges.append(exchange)
        return str(len(self.exchanges) - 1)

    async def ended(self, id_: str, exchange: Exchange) -> None:
        """Keep what came of it."""
        assert self.exchanges[int(id_)].outcome is Outcome.SENT
        self.exchanges[int(id_)] = exchange


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


@pytest.fixture
async def metered(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Metered]:
    monkeypatch.setenv("THE_KEY", KEY)
    budget = Budget(Prices(10.0, 30.0), token_limit=10_000, cost_limit=1.0)
    clock = ManualClock()
    async with OpenAiProvider(Connection(MODEL, server.endpoint("openai"), secret_variable="THE_KEY")) as provider:
        yield Metered(provider, budget, lambda text: text.replace("hunter2", "[secret]"), Kept(), clock, 180.0)


def kept(metered: Metered) -> list[Exchange]:
    assert isinstance(metered.log, Kept)
    return metered.log.exchanges


class Watched(ManualClock):
    """A clock that tells when somebody sleeps on it."""

    def __init__(self) -> None:
        super().__init__()
        self.slept = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Tell, and sleep."""
        self.slept.set()
        await super().sleep(seconds)


async def asked(metered: Metered, seconds: float) -> str:
    """Ask, and turn the clock on by ``seconds`` whenever it is slept on."""
    metered.clock = clock = Watched()
    task = asyncio.ensure_future(metered.answer("metrics", ASK))
    while not task.done():
        waiting = asyncio.ensure_future(clock.slept.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        clock.slept.clear()
        await clock.advance(seconds)
    return task.result().text


async def test_what_was_said_is_paid_for_and_kept(server: ModelServer, metered: Metered) -> None:
    server.acts.append(says("a full disk", tokens=(1000, 200)))
    heard: list[tuple[str, str]] = []
    metered.hear = lambda asker, text: heard.append((asker, text))
    await metered.answer("metrics", ASK)
    (exchange,) = kept(metered)
    assert (exchange.asker, exchange.answer, exchange.outcome) == ("metrics", "a full disk", Outcome.ANSWERED)
    assert exchange.prompt == "You find causes.\n\nWhy is web1 slow?"
    assert exchange.tokens == Tokens(1000, 200)
    assert exchange.cost == pytest.approx(0.016)
    assert metered.budget.cost == exchange.cost
    assert "".join(text for _, text in heard) == "a full disk"


async def test_a_busy_provider_is_asked_again_when_it_says(server: ModelServer, metered: Metered) -> None:
    server.acts += [Act(status=429, retry_after="17"), Act(status=503), says("at last")]
    assert await asked(metered, 60.0) == "at last"
    assert [one.outcome for one in kept(metered)] == [Outcome.FAILED, Outcome.FAILED, Outcome.ANSWERED]
    # Refusals cost nothing.
    assert [one.cost > 0 for one in kept(metered)] == [False, False, True]


async def test_a_delay_beyond_the_deadline_is_not_waited_for(server: ModelServer, metered: Metered) -> None:
    server.acts.append(Act(status=429, retry_after="500"))
    with pytest.raises(RateLimitedError):
        await metered.answer("metrics", ASK)
    assert len(server.heard) == 1


async def test_what_never_helps_is_not_tried_again(server: ModelServer, metered: Metered) -> None:
    server.acts.append(Act(status=404, message="no such model"))
    with pytest.raises(ConfigError):
        await metered.answer("metrics", ASK)
    assert len(server.heard) == 1


async def test_tries_are_bounded(server: ModelServer, metered: Metered) -> None:
    server.script = lambda _heard: Act(status=500, message="oops")
    with pytest.raises(Exception, match="oops"):
        await asked(metered, 10.0)
    assert len(server.heard) == 4


async def test_nothing_leaves_that_might_cost_too_much(server: ModelServer, metered: Metered) -> None:
    with pytest.raises(LimitExceededError):
        await metered.answer("metrics", replace(ASK, turns=(Said("x" * 40_000),)))
    assert server.heard == []
    assert kept(metered) == []


async def test_an_answer_is_asked_no_longer_than_is_paid_for(server: ModelServer, metered: Metered) -> None:
    metered.budget = Budget(Prices(10.0, 30.0), token_limit=1000, cost_limit=0)
    await metered.answer("metrics", ASK)
    assert server.heard[0].raw["max_tokens"] < 1000


@pytest.mark.parametrize("told", [["half an answer"], []])
async def test_an_answer_that_does_not_end_is_late_and_paid_for_as_far_as_it_may_have_come(
    server: ModelServer, metered: Metered, told: list[str]
) -> None:
    server.acts.append(Act(told, trouble="hang"))
    metered.clock, metered.until = SystemClock(), SystemClock().monotonic() + 100
    metered.pace = Pace(call_seconds=0.2)
    with pytest.raises(DeadlineExceededError):
        await metered.answer("metrics", ASK)
    (exchange,) = kept(metered)
    assert (exchange.outcome, exchange.answer) == (Outcome.LATE, "".join(told))
    # What it thought is not heard: the whole of what it was let to write counts.
    assert exchange.tokens == Tokens(estimated_tokens(exchange.prompt), ASK.answer_tokens, is_estimate=True)
    assert metered.budget.used == exchange.tokens
    await asyncio.wait_for(server.left.wait(), 30)


async def test_who_goes_away_leaves_an_entry(server: ModelServer, metered: Metered) -> None:
    server.acts.append(Act(["half"], trouble="hang"))
    task = asyncio.ensure_future(metered.answer("metrics", ASK))
    await asyncio.wait_for(server.hanging.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.outcome for one in kept(metered)] == [Outcome.CANCELLED]
    assert metered.budget.used.answer == ASK.answer_tokens
    assert metered.budget.cost == kept(metered)[0].cost > 0


async def test_a_secret_leaves_in_no_turn(server: ModelServer, metered: Metered) -> None:
    call = ToolCall("c1", "look", {"text": "hunter2"})
    turns = (Said("password=hunter2"), Answered("hunter2?", (call,)), Told(((call, "it says hunter2"),)))
    await metered.answer("metrics", Ask("hunter2", turns))
    assert "hunter2" not in str(server.heard[0].raw)
    assert "hunter2" not in str(kept(metered))
    assert str(server.heard[0].raw).count("[secret]") == 5


async def test_what_a_model_wrote_goes_back_to_it_bounded(server: ModelServer, metered: Metered) -> None:
    metered.budget = Budget(Prices(), token_limit=10**6, cost_limit=0)
    long = "a-" * 100_000
    turns = (Said("Why?"), Answered(long, (ToolCall("c1", "look", {"about": long}),)))
    await metered.answer("metrics", Ask("", turns))
    assert len(kept(metered)[0].prompt) < 70_000


async def test_nothing_leaves_that_cannot_be_kept(server: ModelServer, metered: Metered) -> None:
    metered.log = Kept(is_broken=True)
    with pytest.raises(StorageError):
        await metered.answer("metrics", ASK)
    assert server.heard == []
    assert metered.budget.lease(10, 9000).answer == 9000
