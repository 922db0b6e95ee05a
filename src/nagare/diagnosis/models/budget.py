"""What one diagnosis may use of a model: tokens and money, shared by all who ask at one time. Nothing is asked that might not be paid.

A call takes a lease before it leaves: the prompt as it is weighed, and the longest answer. What was really used is told afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from nagare.diagnosis.models.provider import Tokens
from nagare.errors import LimitExceededError

_MILLION = 1_000_000
# A shorter answer says nothing; what is left below it is as good as nothing.
_LEAST_ANSWER = 256


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float = 0.0
    answer: float = 0.0

    def cost(self, tokens: Tokens) -> float:
        """Return what ``tokens`` cost, in US dollars."""
        return (tokens.prompt * self.prompt + tokens.answer * self.answer) / _MILLION


class Budget:
    """Tokens and US dollars; a ``cost_limit`` of 0 is any."""

    def __init__(self, prices: Prices, *, token_limit: int, cost_limit: float) -> None:
        """Begin with nothing used."""
        self.prices = prices
        self._token_limit = token_limit
        self._cost_limit = cost_limit
        self._used = Tokens()
        # What calls that are under way may use at the most.
        self._leased = Tokens()

    @property
    def used(self) -> Tokens:
        """What was used so far."""
        return self._used

    @property
    def cost(self) -> float:
        """What it cost so far, in US dollars."""
        return self.prices.cost(self._used)

    def lease(self, prompt: int, answer: int) -> Tokens:
        """Take room for a prompt and an answer of at most ``answer`` tokens, fewer where fewer are left. Raises LimitExceededError.

        It must be given back by ``settle``.
        """
        answer = min(answer, self._tokens_left() - prompt, self._answer_paid_for(prompt))
        if answer < _LEAST_ANSWER:
            raise LimitExceededError(
                f"cannot ask the model: its budget is used up ({self._used.total} tokens, {self.cost:.4f} US dollars)",
                hint="diagnosis.token_limit and diagnosis.cost_limit",
            )
        lease = Tokens(prompt, answer)
        self._leased = _sum(self._leased, lease)
        return lease

    def settle(self, lease: Tokens, used: Tokens) -> None:
        """Give ``lease`` back, and count what was ``used``."""
        self._leased = Tokens(self._leased.prompt - lease.prompt, self._leased.answer - lease.answer)
        self._used = _sum(self._used, used)

    def _tokens_left(self) -> int:
        return self._token_limit - self._used.total - self._leased.total

    def _answer_paid_for(self, prompt: int) -> int:
        if not self._cost_limit or not (self.prices.answer or self.prices.prompt):
            return self._token_limit
        spent = self.prices.cost(_sum(self._used, self._leased)) + self.prices.cost(Tokens(prompt))
        left = self._cost_limit - spent
        if left < 0:
            return 0
        return int(left / self.prices.answer * _MILLION) if self.prices.answer else self._token_limit


def _sum(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(one.prompt + other.prompt, one.answer + other.answer, one.is_estimate or other.is_estimate)
