import pytest

from nagare.errors import InvariantError, NagareError
from nagare.lib.invariant import invariant


def test_a_broken_belief_is_a_bug_and_no_lawful_error() -> None:
    invariant(True, "never said")
    with pytest.raises(InvariantError, match="BUG: index must rise, saw 3 after 4") as raised:
        invariant(False, "index must rise, saw 3 after 4")
    assert not isinstance(raised.value, NagareError)
