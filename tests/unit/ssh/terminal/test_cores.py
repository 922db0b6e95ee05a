"""One promise, two cores: what a pane needs of a terminal emulator, held against both."""

import base64
import random
import unicodedata
from collections.abc import Callable

import pytest

from nagare.ssh.terminal.avt import AvtCore
from nagare.ssh.terminal.core import PLAIN, CellStyle, MouseEvent, MouseTracking, TerminalCore
from nagare.ssh.terminal.ghostty import GhosttyCore

Make = Callable[[int, int], TerminalCore]


@pytest.fixture(params=[GhosttyCore, AvtCore], ids=["ghostty", "avt"])
def make(request: pytest.FixtureRequest) -> Make:
    factory: Make = request.param
    return factory


def _fed(make: Make, text: str | bytes, columns: int = 20, rows: int = 4) -> TerminalCore:
    core = make(columns, rows)
    core.feed(text.encode() if isinstance(text, str) else text)
    return core


def _text(core: TerminalCore, row: int) -> str:
    return unicodedata.normalize("NFC", "".join(run.text for run in core.rows([row])[row]))


def _screen(core: TerminalCore) -> list[str]:
    return [_text(core, row).rstrip() for row in range(core.size[1])]


def _style(core: TerminalCore, text: str, row: int = 0) -> CellStyle:
    return next(run.style for run in core.rows([row])[row] if text in run.text)


def test_text_and_the_cursor(make: Make) -> None:
    core = _fed(make, "one\r\ntwo")
    assert _screen(core) == ["one", "two", "", ""]
    assert core.cursor == (3, 1, True)
    core.feed(b"\x1b[?25l")
    assert not core.cursor.is_shown


def test_a_letter_that_is_cut_between_two_chunks(make: Make) -> None:
    core = make(20, 2)
    for byte in "ä€😀".encode():
        core.feed(bytes([byte]))
    assert _text(core, 0).rstrip() == "ä€😀"


def test_the_alternate_screen_gives_the_other_back(make: Make) -> None:
    core = _fed(make, "shell$ vim\r\n\x1b[?1049h\x1b[2J\x1b[Hin the editor")
    assert _screen(core)[0] == "in the editor"
    assert core.modes.alternate_screen
    core.feed(b"\x1b[?1049l")
    assert _screen(core)[0] == "shell$ vim"
    assert not core.modes.alternate_screen


@pytest.mark.parametrize("form", ["38;2;1;2;3", "38:2::1:2:3", "38:2:1:2:3"])
def test_true_colour_in_every_form(make: Make, form: str) -> None:
    core = _fed(make, f"\x1b[{form}mX\x1b[0m")
    assert _style(core, "X").foreground == (1, 2, 3)


def test_attributes_and_colours_of_the_palette(make: Make) -> None:
    core = _fed(make, "\x1b[1;2;3;4;5;7;9;31;48;5;200mX\x1b[0mY")
    style = _style(core, "X")
    assert (style.foreground, style.background) == (1, 200)
    assert style.italic
    assert style.underline == 1
    assert style.blink
    assert style.inverse
    assert style.strike
    assert style.bold or style.faint
    assert _style(core, "Y") == PLAIN


def test_what_is_erased_keeps_the_background(make: Make) -> None:
    core = _fed(make, "\x1b[44mab\x1b[K")
    assert all(run.style.background == 4 for run in core.rows([0])[0])
    assert len(_text(core, 0)) == 20


def test_lines_are_wrapped_anew_in_another_size(make: Make) -> None:
    core = _fed(make, "abcdefghij klmnop\r\n$ ")
    core.resize(10, 4)
    assert list(core.lines())[:3] == ["abcdefghij", " klmnop", "$"]
    core.resize(20, 4)
    assert "abcdefghij klmnop" in core.lines()


def test_sizes_that_no_terminal_has_are_brought_into_bounds(make: Make) -> None:
    core = make(0, 0)
    core.feed(b"hello\r\n")
    core.resize(0, 0)
    core.resize(10**6, 10**6)
    assert core.size == (1000, 500)


def test_wide_letters_take_two_cells(make: Make) -> None:
    core = _fed(make, "你好x\x1b[1;5H!")
    assert _text(core, 0).rstrip() == "你好!"


def test_accents_stand_on_their_letter(make: Make) -> None:
    core = _fed(make, "cafe\u0301!\r\nn\u0303")
    assert _screen(core)[:2] == ["café!", "ñ"]
    assert core.cursor.column == 1


def test_the_text_of_a_hyperlink_stays_clean(make: Make) -> None:
    core = _fed(make, "\x1b]8;;https://example.org/a\x1b\\link\x1b]8;;\x1b\\ rest")
    assert _screen(core)[0] == "link rest"
    # One of the two does not keep where it leads.
    leads = "https://example.org/a" if isinstance(core, GhosttyCore) else ""
    assert [core.link_at(column, 0) for column in (0, 3, 6)] == [leads, leads, ""]
    assert core.link_at(99, 99) == ""


def test_a_paste_is_bracketed_when_the_program_asked_and_cannot_end_its_bracket(make: Make) -> None:
    core = make(20, 4)
    assert core.encode_paste("a\nb\x1b[201~c") == b"a\rb[201~c"
    core.feed(b"\x1b[?2004h")
    assert core.encode_paste("a\x1b[201~b") == b"\x1b[200~a[201~b\x1b[201~"


@pytest.mark.parametrize(
    ("mode", "tracking"),
    [
        (9, MouseTracking.PRESSES),
        (1000, MouseTracking.CLICKS),
        (1002, MouseTracking.DRAGS),
        (1003, MouseTracking.MOVES),
    ],
)
def test_the_mouse_is_told_only_to_who_asked(make: Make, mode: int, tracking: MouseTracking) -> None:
    core = make(20, 4)
    press = MouseEvent("press", 1, 4, 2)
    assert core.encode_mouse(press) == b""
    core.feed(f"\x1b[?{mode}h\x1b[?1006h".encode())
    assert core.modes.mouse is tracking
    assert core.encode_mouse(press) == b"\x1b[<0;5;3M"
    core.feed(f"\x1b[?{mode}l".encode())
    assert core.encode_mouse(press) == b""


def test_keys_follow_the_mode_of_the_cursor_keys(make: Make) -> None:
    core = make(20, 4)
    assert core.encode_key("up", None) == b"\x1b[A"
    core.feed(b"\x1b[?1h")
    assert core.encode_key("up", None) == b"\x1bOA"


def test_only_rows_that_changed_are_dirty(make: Make) -> None:
    core = make(20, 4)
    assert list(core.dirty_rows()) == [0, 1, 2, 3]
    assert list(core.dirty_rows()) == []
    core.feed(b"\x1b[3;1Hx")
    assert 2 in core.dirty_rows()
    core.feed(b"y")
    assert list(core.dirty_rows()) == [2]


def test_scrollback_is_kept_to_its_cap_and_can_be_looked_at(make: Make) -> None:
    core = make(20, 4)
    core.feed(b"".join(b"line %d\r\n" % at for at in range(12_000)))
    above, total = core.scrolled
    assert above == total - 4
    assert 9_000 <= total <= 10_004
    core.scroll_to(0)
    first = _text(core, 0).strip()
    assert first == core.lines()[0]
    core.scroll(1)
    assert _text(core, 0).strip() == core.lines()[1]
    assert not core.cursor.is_shown
    core.scroll(10**6)
    assert _text(core, 2).strip() == "line 11999"


def test_searching_finds_every_place_in_the_scrollback(make: Make) -> None:
    core = _fed(make, "".join(f"row {at} Needle 你needle\r\n" for at in range(50)), columns=40)
    found = core.search("NEEDLE")
    assert len(found) == 100
    assert found[0] == (0, 6, 6)
    assert found[1] == (0, 15, 6)
    assert core.search("") == []
    assert core.search("nowhere") == []


def test_the_title_is_kept_in_bounds(make: Make) -> None:
    core = _fed(make, "\x1b]0;" + "t" * 5000 + "\x07\x1b]2;root@web1\x1b\\")
    assert core.title == "root@web1"
    assert len(_fed(make, "\x1b]0;" + "t" * 900 + "\x07").title) <= 200


def test_questions_of_the_program_are_answered_but_not_for_the_title(make: Make) -> None:
    core = _fed(make, "\x1b]2;rm -rf\x07ab\x1b[6n\x1b[c\x1b[21t\x1b[?u")
    replies = core.take_replies()
    assert b"\x1b[1;3R" in replies
    assert b"\x1b[?62;" in replies
    assert b"rm -rf" not in replies
    assert b"u" not in replies
    assert core.take_replies() == b""


def test_what_the_program_wants_in_the_clipboard_is_kept_until_somebody_takes_it(make: Make) -> None:
    core = make(20, 4)
    core.feed(b"\x1b]52;c;aGVs")
    assert core.take_clipboard() is None
    core.feed(b"bG8=\x07rest")
    assert core.take_clipboard() == "hello"
    assert core.take_clipboard() is None
    core.feed(b"\x1b]52;c;?\x07\x1b]52;c;%%%\x07\x1b]52;c;" + b"A" * 400_000 + b"\x07")
    assert core.take_clipboard() is None
    assert b"52" not in core.take_replies()


def test_images_are_not_read_from_files(make: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    picture = tmp_path_factory.mktemp("p") / "tty-graphics-protocol.rgb"
    picture.write_bytes(b"\x00" * 12)
    name = base64.b64encode(str(picture).encode()).decode()
    core = _fed(make, f"\x1b_Ga=T,f=24,s=2,v=2,t=t,i=1;{name}\x1b\\ok")
    assert _screen(core)[0] == "ok"
    assert picture.exists()
    assert b"OK" not in core.take_replies()


_LETTERS = "\x1b\x1b\x1b\x1b[[]P_^?>=!:;;0123456789hlmnqrstuABCDEFGHJKLMPSTXZ@`abcdefg\x07\x08\t\n\r\x9b\x9d\\ é你\u0301\u200d😀"


def _rush(make: Make, size_bytes: int, seed: int) -> None:
    chance, core, fed = random.Random(seed), make(80, 24), 0
    while fed < size_bytes:
        chunk = "".join(chance.choices(_LETTERS, k=4000)).encode() + chance.randbytes(400)
        core.feed(chunk)
        fed += len(chunk)
        if chance.random() < 0.1:
            core.resize(chance.randrange(1, 200), chance.randrange(1, 60))
            core.scroll(chance.randrange(-500, 500))
        rows = core.rows(core.dirty_rows())
        assert all(sum(len(run.text) for run in runs) <= 4 * core.size[0] + 4000 for runs in rows.values())
        assert core.modes is not None
        assert core.cursor.row < core.size[1]
        core.take_replies()
        core.take_clipboard()
    core.lines()
    core.close()


def test_nothing_that_comes_can_raise(make: Make) -> None:
    _rush(make, 150_000, 7)


@pytest.mark.soak
def test_nothing_in_ten_megabytes_can_raise(make: Make) -> None:
    _rush(make, 10_000_000, 11)
