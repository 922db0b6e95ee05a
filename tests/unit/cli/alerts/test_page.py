"""A guide page on a terminal."""

from nagare.cli.alerts.page import page_lines

PAGE = "# Full\n\nSee **this** and `df`\nof web1.\n\n```\ndf -h | grep '#'\n```\n\n- one which\n  goes on\n1. two\n"


def test_marks_are_gone_and_what_is_copied_stands_alone() -> None:
    assert list(page_lines(PAGE, 80, is_colored=False)) == [
        "Full", "", "See this and `df` of web1.", "", "    df -h | grep '#'", "", "• one which goes on", "1. two", ""
    ]  # fmt: skip


def test_paragraphs_fit_the_width() -> None:
    words = "word " * 40
    lines = list(page_lines(f"{words}\n\n- {words}", 30, is_colored=False))
    assert max(map(len, lines)) <= 30
    assert [line[:2] for line in lines if line.startswith(("•", " "))][:2] == ["• ", "  "]


def test_a_terminal_gets_its_dress() -> None:
    lines = list(page_lines(PAGE, 80, is_colored=True))
    assert lines[0] == "\x1b[1mFull\x1b[0m"
    assert lines[2] == "See \x1b[1mthis\x1b[0m and \x1b[36mdf\x1b[0m of web1."
    assert lines[4] == "\x1b[36m    df -h | grep '#'\x1b[0m"
