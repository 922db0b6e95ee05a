import random

import pytest

from nagare.errors import OverloadedError
from nagare.fleet.admission import Admission


def test_who_finds_no_place_is_told_when_to_come_again_and_a_place_comes_free() -> None:
    admission = Admission(places=2, random=random.Random(3))
    with admission.admitted():
        with pytest.raises(ValueError, match="broken"), admission.admitted():
            raise ValueError("broken")
        with admission.admitted():
            waits = set()
            for _ in range(50):
                with (
                    pytest.raises(OverloadedError, match="2 others are being registered") as caught,
                    admission.admitted(),
                ):
                    pass
                waits.add(caught.value.retry_after_seconds)
    assert admission.taken == 0
    assert len(waits) == 50
    assert 1 <= min(wait for wait in waits if wait) < 2 < 7 < max(wait for wait in waits if wait) <= 8
