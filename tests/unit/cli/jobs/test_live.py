"""Pieces of output become whole lines behind their host, however they were cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nagare.cli.jobs.live import LiveLines
from nagare.lib.plain_text import plain
from nagare.wire.command_jobs import OutputLine
from tests.support.command_server import command

TEXT = st.text(st.sampled_from("ab \n\r\té"), max_size=60)


def shown(*pieces: tuple[str, str, str], has_color: bool = False) -> list[str]:
    written: list[str] = []
    lines = LiveLines(["web1", "db-12"], written.append, has_color=has_color)
    for host, stream, text in pieces:
        lines.take(OutputLine(1, host, stream, 0, text))
    lines.close()
    return written


def test_lines_interleave_and_pieces_never_do() -> None:
    assert shown(("web1", "stdout", "a"), ("db-12", "stdout", "x\n"), ("web1", "stderr", "e\n"), ("web1", "stdout", "b\n")) == [
        "db-12 | x\n", "web1  ! e\n", "web1  | ab\n",
    ]  # fmt: skip


@given(TEXT, st.lists(st.integers(0, 60)))
def test_where_it_was_cut_is_not_seen(text: str, cuts: list[int]) -> None:
    ends = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [("web1", "stdout", text[begin:end]) for begin, end in pairwise(ends)]
    assert shown(*pieces) == shown(("web1", "stdout", text))


@given(st.text(max_size=80))
def test_no_character_steers_the_terminal(text: str) -> None:
    for line in shown(("web1", "stdout", text)):
        assert line.endswith("\n")
        assert line[:-1] == plain(line[:-1])


def test_a_line_without_end_does_not_grow_for_ever() -> None:
    written = shown(*[("web1", "stdout", "x" * 5000)] * 4)
    assert [len(line) for line in written] == [10_009, 10_009]


def test_hosts_have_colors_only_where_there_are_colors() -> None:
    assert shown(("web1", "stdout", "a\n"), has_color=True) == ["\x1b[36mweb1\x1b[0m  | a\n"]
    assert shown(("web1", "stdout", "a\n")) == ["web1  | a\n"]


def test_it_knows_whether_all_was_shown() -> None:
    lines = LiveLines(["a"], lambda _: None, has_color=False)
    lines.take(OutputLine(1, "a", "stdout", 0, "one\ntwo"))
    assert lines.has_shown(command("a", out="one\ntwo\n"))
    assert not lines.has_shown(command("a", out="one\ntwo\nthree\n"))
    assert not lines.has_shown(command("a", out="one", err="x"))
