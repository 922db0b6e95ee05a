"""What a diagnosis may use of a model."""

import pytest

from nagare.diagnosis.models.budget import Budget, Prices
from nagare.diagnosis.models.provider import Tokens
from nagare.errors import LimitExceededError


def test_an_answer_gets_what_is_left() -> None:
    budget = Budget(Prices(), token_limit=10_000, cost_limit=0)
    assert budget.lease(1000, 4096) == Tokens(1000, 4096)
    # The one that is under way counts: both together must not be too much.
    assert budget.lease(1000, 4096) == Tokens(1000, 3904)
    with pytest.raises(LimitExceededError, match="budget is used up"):
        budget.lease(1000, 4096)


def test_what_was_not_used_is_given_back() -> None:
    budget = Budget(Prices(), token_limit=10_000, cost_limit=0)
    budget.settle(budget.lease(1000, 8000), Tokens(900, 100))
    assert budget.used == Tokens(900, 100)
    assert budget.lease(1000, 9000) == Tokens(1000, 8000)


def test_money_bounds_an_answer_too() -> None:
    # A thousandth of a dollar a thousand tokens of a prompt, four for answers.
    budget = Budget(Prices(1.0, 4.0), token_limit=10**6, cost_limit=0.01)
    lease = budget.lease(2000, 65536)
    assert lease == Tokens(2000, 2000)
    budget.settle(lease, lease)
    assert budget.cost == pytest.approx(0.01)
    with pytest.raises(LimitExceededError):
        budget.lease(10, 1000)


def test_a_prompt_alone_may_be_too_dear() -> None:
    with pytest.raises(LimitExceededError):
        Budget(Prices(1000.0, 0.0), token_limit=10**6, cost_limit=0.5).lease(1000, 1000)
    assert Budget(Prices(1000.0, 0.0), token_limit=10**6, cost_limit=0).lease(1000, 1000).answer == 1000
