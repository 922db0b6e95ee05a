"""The size budget as a ratchet: what is over it stands here with its reason, and nothing else may be."""

import statistics

import pytest

from tests.support.source import ROOT, modules

FILE_SOFT_LINES = 400
FILE_HARD_LINES = 600
FUNCTION_HARD_LINES = 80
# Files whose growth is the first sign that a table turned into a god object.
WATCHED = {
    "src/nagare/tui/app.py": 250,
    "src/nagare/server/lifecycle.py": 250,
    "src/nagare/server/compose.py": 200,
}
# path -> (most lines, reason). Lower a number when the file shrinks; take an entry out when it fits.
LARGE_FILES: dict[str, tuple[int, str]] = {
    "src/nagare/agent/executor/warden.py": (
        454,
        "a program of its own that runs by its code alone and can import no other file",
    ),
    "src/nagare/config/settings.py": (590, "every setting on its line; sections have no logic to split by"),
    "src/nagare/model/tables.py": (480, "the one place that names every table and column, each on its line"),
    "src/nagare/tui/widgets/live_table.py": (540, "one widget: what is drawn, selected and moved belongs to one state"),
}


def _lengths() -> list[tuple[int, str]]:
    lengths = []
    for module in modules():
        for function in module.functions():
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            lengths.append((length, f"{module.where}:{function.lineno} {function.name}"))
    return lengths


def test_no_function_is_over_the_hard_limit() -> None:
    assert [place for length, place in _lengths() if length > FUNCTION_HARD_LINES] == []


def test_functions_are_short_as_a_habit() -> None:
    lengths = [length for length, _ in _lengths()]
    over_40 = sorted((item for item in _lengths() if item[0] > 40), reverse=True)
    assert statistics.median(lengths) <= 10
    assert statistics.quantiles(lengths, n=10)[-1] <= 30
    assert len(over_40) / len(lengths) <= 0.05, over_40


@pytest.mark.parametrize("folder", ["src", "tests", "benches", "tools"])
def test_no_file_is_over_the_hard_limit(folder: str) -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert [str(path) for path, lines in sizes.items() if lines > FILE_HARD_LINES] == []


def test_a_file_over_the_soft_limit_has_a_reason() -> None:
    sizes = {module.where: len(module.text.splitlines()) for module in modules()}
    unexplained = {
        where: lines for where, lines in sizes.items() if lines > LARGE_FILES.get(where, (FILE_SOFT_LINES, ""))[0]
    }
    assert unexplained == {}, "split by subject, or name the file with its reason in LARGE_FILES"
    idle = [where for where in LARGE_FILES if sizes.get(where, 0) <= FILE_SOFT_LINES]
    assert idle == [], "these fit again: take them out of LARGE_FILES"


def test_watched_files_stay_tables() -> None:
    sizes = {module.where: len(module.text.splitlines()) for module in modules()}
    assert {where: sizes[where] for where, most in WATCHED.items() if sizes.get(where, 0) > most} == {}
