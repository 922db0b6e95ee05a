"""What the collector of garbage is set to, and that it is set back."""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from nagare.lib.garbage import calm_collector, drawing_collector, set_aside


@pytest.mark.parametrize("collector", [calm_collector, drawing_collector])
def test_passes_are_rare_while_it_lasts_and_as_before_after_it(
    collector: Callable[[], AbstractContextManager[None]],
) -> None:
    before = gc.get_threshold()

    def end_badly() -> None:
        with collector():
            set_aside()
            assert gc.get_threshold()[0] >= 20_000
            assert gc.get_freeze_count() > 0
            raise ValueError("of the block")

    with pytest.raises(ValueError, match="of the block"):
        end_badly()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
