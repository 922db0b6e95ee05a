"""The form of monitoring plugins: which command line it is for, and the first line."""

import pytest

from nagare.cli.console.plugin import is_plugin, summary_line
from nagare.wire.diagnosis import PerfView


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("diagnose", True),
        ("--data /tmp/x diagnose web1", True),
        ("-o json --quiet diagnose", True),
        ("--data diagnose hosts", False),
        ("hosts diagnose", False),
        ("", False),
        ("--help", False),
    ],
)
def test_the_command_line_names_it(words: str, expected: bool) -> None:
    assert is_plugin(words.split()) is expected


def test_the_first_line_is_one_line_with_one_bar() -> None:
    line = summary_line("CRITICAL", "a | b\nc\x1b[31m", [PerfView("disk", 99.1, "%", None, 95.0), PerfView("hosts", 2)])
    assert line == "CRITICAL - a / b c␛[31m | disk=99.1%;;95 hosts=2"
    assert summary_line("OK", "fine", []) == "OK - fine"
