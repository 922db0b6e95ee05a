"""No error of ours reaches an edge that does not know it."""

import importlib
import re
from collections.abc import Iterator

import pytest

from nagare.cli.exit_codes import EXIT_BY_ERROR, MEANINGS, exit_code_of
from nagare.errors import NagareError
from nagare.server.problems import STATUS_BY_ERROR, status_of
from tests.support.source import ROOT, modules

_DEFINES_ERROR = re.compile(r"^ *class \w+Error\b", re.MULTILINE)
# These never leave their room: name -> who catches them.
INSIDE = {
    "AbsentError": "the agent's schedule: a source that does not exist here is asked again rarely",
}


def _all_errors() -> Iterator[type[NagareError]]:
    # Only the modules that define errors: to import all would load what other tests say is not loaded.
    for module in modules():
        if _DEFINES_ERROR.search(module.text):
            importlib.import_module(module.name)
    found, waiting = set[type[NagareError]](), [NagareError]
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            waiting += kind.__subclasses__()
    yield from sorted((kind for kind in found if kind.__module__.startswith("nagare.")), key=lambda kind: kind.__name__)


ERRORS = list(_all_errors())
each_error = pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)


@each_error
def test_an_error_has_a_status_and_an_exit_code_of_its_own_or_its_parents(kind: type[NagareError]) -> None:
    if kind is NagareError or kind.__name__ in INSIDE:
        return
    ancestors = set(kind.__mro__) - {NagareError}
    assert ancestors & set(STATUS_BY_ERROR), "add it to STATUS_BY_ERROR in server/problems.py"
    assert ancestors & set(EXIT_BY_ERROR), "add it to EXIT_BY_ERROR in cli/exit_codes.py"
    assert 400 <= status_of(kind) < 600
    assert exit_code_of(kind.__new__(kind)) in MEANINGS


def test_both_maps_agree_on_who_is_to_blame() -> None:
    for kind in set(STATUS_BY_ERROR) & set(EXIT_BY_ERROR):
        caller_to_blame = EXIT_BY_ERROR[kind] in {2, 5, 6, 7, 8}
        if kind.__name__ != "ConfigError":
            assert caller_to_blame == (status_of(kind) < 500), kind.__name__


def test_codes_are_unique_in_every_room() -> None:
    codes: dict[str, str] = {}
    for kind in ERRORS:
        if "code" in vars(kind):
            assert codes.setdefault(kind.code, kind.__name__) == kind.__name__


@each_error
def test_an_error_is_documented(kind: type[NagareError]) -> None:
    if kind.__name__ in INSIDE:
        return
    page = (ROOT / "docs" / "reference" / "problems.md").read_text()
    assert re.search(rf"^#+ .*`?{re.escape(kind.code)}`?|\| *`{re.escape(kind.code)}`", page, re.MULTILINE), (
        f"`{kind.code}` does not stand in docs/reference/problems.md"
    )


def test_exit_codes_are_documented() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    assert [code for code in MEANINGS if not re.search(rf"(^|\W){code}(\W|$)", page)] == []
