"""Output is kept in whole lines, within bounds, and harmless; what the server keeps replaces it at the end."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.plain_text import plain
from nagare.tui.jobs.output import JobOutput, Scrollback
from nagare.wire.command_jobs import OutputLine
from tests.tui.jobs import command_of


def _take(output: JobOutput, host: str, text: str, stream: str = "stdout") -> None:
    output.take(OutputLine(1, host, stream, 0, text))


def test_pieces_become_lines_and_what_has_no_end_waits_for_the_host_to_end() -> None:
    output = JobOutput()
    _take(output, "a", "one\ntw")
    _take(output, "b", "other\n")
    _take(output, "a", "fault\n", "stderr")
    assert output.lines("a") == ["| one", "! fault"]
    _take(output, "a", "o")
    output.end("a")
    assert output.lines("a") == ["| one", "! fault", "| two"]
    assert output.lines("b") == ["| other"]
    assert output.lines("c") == []


def test_what_the_server_keeps_is_the_truth_at_the_end() -> None:
    output = JobOutput()
    _take(output, "a", "live\n")
    output.settle(command_of("a", out="kept\n", err="fault\n"))
    assert output.lines("a") == ["| kept", "! fault"]


def test_a_flood_is_bounded_and_says_so() -> None:
    kept = Scrollback(3)
    for number in range(10):
        kept.append(f"| {number}")
    assert kept.lines() == ["… 7 earlier lines are not kept here", "| 7", "| 8", "| 9"]
    output = JobOutput(hosts=100_000)
    for number in range(1000):
        _take(output, "a", f"{number}\n")
    assert len(output.lines("a")) == 201
    _take(output, "b", "y" * 100_000 + "\n")
    assert len(output.lines("b")[0]) <= 2002


@given(st.text(max_size=200))
def test_no_character_steers_the_terminal(text: str) -> None:
    output = JobOutput()
    _take(output, "a", text)
    output.end("a")
    for line in output.lines("a"):
        assert plain(line) == line


def test_equal_output_is_one_group_also_while_it_comes() -> None:
    output = JobOutput(3)
    for host in ("a", "b"):
        _take(output, host, "same\n")
    _take(output, "c", "other\n")
    groups = output.groups([command_of(host, "started") for host in ("a", "b", "c")])
    assert [(group.hosts, group.lines) for group in groups] == [(("a", "b"), ("| same",)), (("c",), ("| other",))]
