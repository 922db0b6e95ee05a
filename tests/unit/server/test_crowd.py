import asyncio
import random

import pytest

from nagare.errors import OverloadedError
from nagare.server.hot.crowd import Crowd


def test_who_is_too_many_is_told_when_to_come_again() -> None:
    crowd = Crowd(1, random=random.Random(3))
    with crowd.admitted():
        waits = set()
        for _ in range(40):
            with pytest.raises(OverloadedError, match="1 requests are being worked on") as caught, crowd.admitted():
                pass
            waits.add(caught.value.retry_after_seconds)
    assert waits == {1, 2, 3, 4}
    assert crowd.counters.get("intake_refused") == 40
    with pytest.raises(ValueError, match="broken"), crowd.admitted():
        raise ValueError("broken")
    assert crowd.taken == 0


async def test_each_turn_of_the_loop_has_all_places_again() -> None:
    crowd, loop = Crowd(3), asyncio.get_running_loop()
    crowd.taken = 1
    for _ in range(2):
        for _ in range(2):
            assert not crowd.is_full
            crowd.note_turn(loop)
        with pytest.raises(OverloadedError, match="3 requests are being worked on"), crowd.admitted():
            pass
        await asyncio.sleep(0)
    assert (crowd.turn, crowd.taken) == (0, 1)
