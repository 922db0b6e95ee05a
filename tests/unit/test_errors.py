import inspect
import re

import pytest

from nagare import errors
from nagare.errors import InputError, InvariantError, NagareError, RateLimitedError, UnavailableError

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, NagareError)]


def test_codes_are_stable_slugs_and_unique() -> None:
    codes = [kind.code for kind in TREE]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)
    assert all("code" in vars(kind) for kind in TREE), "a class that inherits its parent's code cannot be told from it"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if not (match := re.match(r"( *)([A-Z]\w+Error)\b", line)):
            continue
        depth, name = len(match[1]), match[2]
        path = [entry for entry in path if entry[0] < depth]
        drawn[name] = path[-1][1] if path else ""
        path.append((depth, name))
    real = {kind.__name__: kind.__mro__[1].__name__ for kind in TREE}
    real["NagareError"] = ""
    assert drawn.pop("InvariantError") == "", "drawn outside the tree, as it is"
    assert drawn == real
    assert not issubclass(InvariantError, NagareError)


@pytest.mark.parametrize(
    "kind", [kind for kind in TREE if kind is not RateLimitedError], ids=lambda kind: kind.__name__
)
def test_an_error_carries_message_hint_and_fields(kind: type[NagareError]) -> None:
    error = kind("cannot open door 3: locked", hint="ask for the key", context={"door": 3})
    assert str(error) == error.message == "cannot open door 3: locked"
    assert error.hint == "ask for the key"
    assert error.context == {"door": 3}
    assert kind("x").context == {}
    assert kind("x").context is not kind("x").context


def test_errors_with_more_to_say() -> None:
    assert InputError("x", errors=[{"pointer": "#/a"}]).errors == [{"pointer": "#/a"}]
    assert UnavailableError("x").retry_after_seconds is None
    assert RateLimitedError("x", retry_after_seconds=2).retry_after_seconds == 2
