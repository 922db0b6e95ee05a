"""Output that is equal is told once, and what differs a little as the difference; no host and no line is lost."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.client.jobs.grouping import format_groups, group_outputs, output_lines
from nagare.wire.command_jobs import CommandView
from tests.support.command_server import command

TEXTS = st.sampled_from(["", "a\n", "a\nb\n", "\x1b[31mred\n", "x" * 30])
COMMANDS = st.lists(
    st.builds(
        command,
        st.from_regex(r"h[0-9]{1,3}", fullmatch=True),
        st.sampled_from(["done", "failed", "lost"]),
        out=TEXTS,
        err=TEXTS,
    ),
    unique_by=lambda one: one.host,
)
LONG = "".join(f"line {number}\n" for number in range(20))


def told(*commands: CommandView) -> list[str]:
    return list(format_groups(group_outputs(commands)))


@given(COMMANDS)
def test_each_host_is_in_one_group_with_those_that_are_like_it(commands: list[CommandView]) -> None:
    groups = group_outputs(commands)
    assert sorted(host for group in groups for host in group.hosts) == sorted(one.host for one in commands)
    sizes = [len(group.hosts) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    of = {host: group for group in groups for host in group.hosts}
    for one in commands:
        for other in commands:
            is_alike = one.state == other.state and output_lines(one) == output_lines(other)
            assert (of[one.host] is of[other.host]) == is_alike


@given(COMMANDS)
def test_nothing_that_steers_a_terminal_comes_through(commands: list[CommandView]) -> None:
    assert all(line.isprintable() for line in told(*commands))


def test_equal_output_stands_once_below_the_names() -> None:
    assert told(command("web1", out="a\n"), command("web2", out="b\n"), command("web3", out="a\n")) == [
        "── web1, web3 (2 hosts): done", "| a", "── web2: done", "| b",
    ]  # fmt: skip


def test_another_end_is_another_group() -> None:
    assert told(command("a"), command("b", "failed", reason="exit", exit_code=2, err="no\n")) == [
        "── a: done, no output", "── b: failed, exit 2", "! no",
    ]  # fmt: skip


def test_a_small_difference_is_shown_alone() -> None:
    other = LONG.replace("line 7\n", "line seven\n") + "more\n"
    assert told(command("a", out=LONG), command("b", out=LONG), command("c", out=other))[21:] == [
        "── c: done; it differs from a:", "-| line 7", "+| line seven", "+| more",
    ]  # fmt: skip


def test_a_large_difference_is_shown_in_full() -> None:
    other = "".join(f"row {number}\n" for number in range(20))
    assert told(command("a", out=LONG), command("b", out=other))[21:] == [
        "── b: done",
        *(f"| row {number}" for number in range(20)),
    ]


def test_very_many_hosts_are_counted_and_not_all_named() -> None:
    heading, *_ = told(*(command(f"web{number}") for number in range(100)))
    assert heading.startswith("── web0, web1, ")
    assert heading.endswith("web19, … (100 hosts): done, no output")
