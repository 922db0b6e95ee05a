"""Panes over a real SSH server: opening, keys, several at once, what is asked first, and a connection that dies."""

# ruff: noqa: TID253  these tests drive textual itself

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from rich.style import Style
from textual import events
from textual.widgets import Input

from nagare.errors import PermissionDeniedError
from nagare.ssh.terminal.core import Run
from nagare.tui.screens.shell_asks import AnswerForm, Ask, Confirmation
from nagare.tui.screens.shells import ShellsPage, _short
from nagare.tui.shells.cells import strip_of
from nagare.tui.widgets.terminal_pane import LEADER, TerminalPane
from tests.support.ssh_server import PASSWORD, Doors, SshServer, ssh_server
from tests.tui.fleet import FleetSource, host_names
from tests.tui.shells import ssh_settings
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="keys are made and checked in this process, on both ends")


@pytest.fixture
async def server() -> AsyncIterator[SshServer]:
    async with ssh_server(Doors(password=True)) as running:
        yield running


def _source(server: SshServer, folder: Path) -> FleetSource:
    source = FleetSource(host_names(4))
    source.shells_held.port = server.port
    source.ssh = ssh_settings(folder)
    return source


async def _until(stage: Scene, holds: Callable[[], bool], what: str) -> None:
    """As the stage's own, three times as long: keys are made and a connection is opened meanwhile."""
    for _ in range(2):
        with suppress(AssertionError):
            await stage.until(holds, what)
            return
    await stage.until(holds, what)


async def _asked(stage: Scene, words: str) -> None:
    """Wait for the dialog that shows ``words``, until it takes keys."""

    def is_there() -> bool:
        screen = stage.app.screen
        return isinstance(screen, Ask) and screen._since <= stage.clock.monotonic() and words in stage.text()

    await _until(stage, is_there, words)
    await stage.clock.advance(1)


async def _open(stage: Scene, *, is_first: bool = True) -> TerminalPane:
    """Open a shell on the host under the cursor, answering what is asked."""
    page_panes = len(stage.app.query(TerminalPane))
    await stage.press("x")
    if is_first:
        await _asked(stage, "ssh-ed25519 SHA256:")
        await stage.type("yes")
        await stage.press("enter")
    await _asked(stage, "Password of ops at")
    await stage.type(PASSWORD)
    assert PASSWORD not in stage.text()
    await stage.press("enter")
    page = stage.app.page
    assert isinstance(page, ShellsPage)
    await _until(stage, lambda: len(page.panes) > page_panes and page.panes[-1].is_open, "the shell")
    return page.panes[-1]


async def test_a_pane_from_its_begin_to_its_end(server: SshServer, tmp_path: Path) -> None:
    source = _source(server, tmp_path)
    async with scene("hosts", source=source) as stage:
        pane = await _open(stage)
        await stage.shows(f"ready {pane.size.width}x{pane.size.height} xterm-256color")
        # Keys of the app are the host's here: q does not quit, 1 leads nowhere, Ctrl+C and Ctrl+P go through.
        await stage.type("quit1")
        await stage.press("ctrl+p", "ctrl+q")
        await stage.shows("quit1")
        assert stage.app.screen is stage.app.page
        await stage.press("enter")
        await stage.type("quit 3")
        await stage.press("enter")
        await stage.shows("ended with status 3", "Enter opens it again")
        assert [end.status for end in source.shells_held.ended] == [3]
        await stage.press("enter")
        await _asked(stage, "Password of ops at")
        await stage.press("escape")
        await stage.shows("cannot log in")
        assert len(source.shells_held.opened) == 2


async def test_what_comes_after_a_key_is_drawn_without_another_turn_of_the_loop(
    server: SshServer, tmp_path: Path
) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        pane = await _open(stage)
        await stage.shows("ready")
        # The clock of the stage stands still: one frame was due at the last key, and none was drawn since.
        await stage.clock.advance(1)
        pane.send(b"a")
        pane._take(b"at once")
        drawn = pane._strips[pane._core.cursor.row] if pane._core is not None else None
        assert drawn is not None
        assert "at once" in drawn.text


async def test_a_dead_server_leaves_the_text_and_an_offer(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        await _open(stage)
        await stage.type("remember me")
        await stage.shows("remember me")
        server.kill_connections()
        await stage.shows("remember me", "Enter opens it again", "lost")


async def test_where_no_direct_way_leads_the_one_by_the_server_is_offered_and_never_taken_unasked(
    server: SshServer, tmp_path: Path
) -> None:
    source = _source(server, tmp_path)
    shells = source.shells_held
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        shells.direct_port = closed.getsockname()[1]
        async with scene("hosts", source=source, size=(200, 30)) as stage:
            await stage.press("x")
            await stage.shows("cannot reach host", "Enter tries again · v goes by the server")
            await stage.press("enter")
            await stage.until(lambda: len(shells.opened) == 2, "the second try")
            await stage.until(lambda: stage.text().count("v goes by the server") == 2, "the offer again")
            assert shells.reached == []
            await stage.press("v")
            await _asked(stage, "ssh-ed25519 SHA256:")
            await stage.type("yes")
            await stage.press("enter")
            await _asked(stage, "Password of ops at")
            await stage.type(PASSWORD)
            await stage.press("enter")
            await stage.shows("by the server", "ready ")
            server.kill_connections()
            await stage.shows("lost", "Enter opens it again")
            await stage.press("enter")
            await _asked(stage, "Password of ops at")
            assert len(shells.reached) == 3


async def test_what_is_typed_goes_to_all_marked_panes_and_the_frames_say_so(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path), size=(160, 40)) as stage:
        first = await _open(stage)
        await stage.press(LEADER, "2")
        await stage.until(lambda: stage.app.page.location.page == "hosts", "the hosts")
        await stage.press("down")
        second = await _open(stage)
        page = stage.app.page
        assert isinstance(page, ShellsPage)
        assert first.host != second.host
        await stage.type("one")
        assert "one" not in first.shown_text()
        await stage.press(LEADER, "b")
        await stage.shows("no pane is marked")
        await stage.press(LEADER, "m", LEADER, "n")
        await stage.until(lambda: page.focused is first, "the other pane")
        await stage.press(LEADER, "m", LEADER, "b")
        await stage.until(lambda: isinstance(stage.app.screen, Confirmation), "the question")
        assert first.host in stage.text()
        await stage.press("y")
        await stage.shows("TYPING GOES TO 2 HOSTS")
        first.post_message(events.Paste("rm a\nrm b"))
        await stage.shows(f"2 lines for {first.host}, {second.host}")
        await stage.press("escape")
        await stage.type("both")
        await stage.until(lambda: "both" in first.shown_text() and "both" in second.shown_text(), "both")
        await stage.press(LEADER, "b")
        await stage.until(lambda: "TYPING GOES TO" not in stage.text(), "the end of it")
        await stage.press(LEADER, "t")
        await stage.until(lambda: not second.display, "one pane at a time")


async def test_several_lines_and_the_clipboard_are_asked_about(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        pane = await _open(stage)
        pane.post_message(events.Paste("one line"))
        await stage.shows("one line")
        pane.post_message(events.Paste("rm a\nrm b"))
        await stage.until(lambda: isinstance(stage.app.screen, Confirmation), "the question")
        assert "2 lines for" in stage.text()
        await stage.press("escape")
        assert "rm b" not in pane.shown_text()
        # The server writes back what it gets, so a host asks for the clipboard here.
        pane.send(b"\x1b]52;c;aGVsbG8=\x07")
        await _asked(stage, "wants to copy")
        assert "hello" in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "hello", "the clipboard")


async def test_a_host_that_asks_for_the_clipboard_on_and_on(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        pane = await _open(stage)

        async def want(done: str) -> None:
            pane.send(f"\x1b]52;c;aGVsbG8=\a{done}".encode())
            await stage.until(lambda: done in pane.shown_text(), "what the host wrote")
            await stage.pilot.pause()

        await want("one")
        await want("two")
        await stage.press("y")
        assert [isinstance(screen, Confirmation) for screen in stage.app.screen_stack].count(True) == 1
        await _asked(stage, "wants to copy")
        await stage.press("n")
        await stage.until(lambda: stage.app.screen is stage.app.page, "the page")
        await want("three")
        assert stage.app.screen is stage.app.page
        await stage.clock.advance(5)
        await stage.press(LEADER, "2")
        await stage.until(lambda: stage.app.page.location.page == "hosts", "the hosts")
        await want("four")
        assert stage.app.screen is stage.app.page
        await stage.press("9")
        await want("five")
        await _asked(stage, "wants to copy")
        assert stage.app.clipboard == ""


async def test_a_key_is_trusted_by_a_whole_yes_and_a_form_goes_with_its_connection(
    server: SshServer, tmp_path: Path
) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        await stage.press("x")
        await _until(stage, lambda: isinstance(stage.app.screen, AnswerForm), "the question for the key")
        await stage.type("deaf")
        await _asked(stage, "ssh-ed25519 SHA256:")
        assert "deaf" not in stage.text()
        await stage.type("y")
        await stage.press("enter")
        await stage.shows("cannot trust host")
        await stage.press("enter")
        await _asked(stage, "ssh-ed25519 SHA256:")
        await stage.type("yes")
        await stage.press("enter")
        await _asked(stage, "Password of ops at")
        server.kill_connections()
        await _until(stage, lambda: stage.app.screen is stage.app.page, "the page")


async def test_searching_looking_back_and_closing(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path), size=(80, 24)) as stage:
        pane = await _open(stage)
        pane.send(b"".join(b"row %d\r\n" % at for at in range(200)))
        await stage.until(lambda: "row 199" in pane.shown_text(), "the rows")
        await stage.press(LEADER, "slash")
        await stage.until(lambda: isinstance(stage.app.focused, Input), "the search line")
        await stage.type("row 42")
        await stage.press("enter")
        await stage.until(lambda: "row 42" in pane.shown_text(), "the place")
        await stage.shows("1 of 1")
        await stage.press("escape")
        await stage.until(lambda: stage.app.focused is pane, "the pane")
        await stage.press(LEADER, "pageup")
        await stage.press("z")
        await stage.until(lambda: "row 199" in pane.shown_text(), "the end again")
        await stage.press(LEADER, "q")
        await stage.until(lambda: isinstance(stage.app.screen, Confirmation), "the question before leaving")
        assert "1 shell is open" in stage.text()
        await stage.press("escape")
        await stage.press(LEADER, "x")
        await stage.until(lambda: isinstance(stage.app.screen, Confirmation), "the question before closing")
        await stage.press("y")
        await stage.shows("No shell is open")


async def test_a_title_of_a_host_is_no_markup(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        pane = await _open(stage)
        for title in ("[A=$]", '[$a link="x" @click=y]'):
            pane.send(f"\x1b]0;{title}\a".encode())
            await stage.shows(f"· {title} ")


async def test_ctrl_q_outside_a_pane_asks_once_and_ends_are_told(server: SshServer, tmp_path: Path) -> None:
    source = _source(server, tmp_path)
    async with scene("hosts", source=source) as stage:
        await _open(stage)
        await stage.press(LEADER, "2")
        await stage.until(lambda: stage.app.page.location.page == "hosts", "the hosts")
        await stage.press("ctrl+q", "ctrl+q")
        await stage.until(lambda: isinstance(stage.app.screen, Confirmation), "the question")
        assert sum(isinstance(screen, Confirmation) for screen in stage.app.screen_stack) == 1
        await stage.press("y")
        await stage.until(lambda: stage.app._exit, "the end")
        assert len(source.shells_held.ended) == 1
    assert stage.app.return_value == 0


async def test_a_refusal_of_the_server_is_told_in_the_pane(server: SshServer, tmp_path: Path) -> None:
    source = _source(server, tmp_path)
    source.shells_held.refuses = PermissionDeniedError("cannot open a shell: your role has no shells.open")
    async with scene("hosts", source=source) as stage:
        await stage.press("x")
        await stage.shows("your role has no shells.open")


async def test_a_pane_whose_size_no_event_told_is_opened_as_it_is_drawn(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _source(server, tmp_path)
    source.shells_held.refuses = PermissionDeniedError("cannot open a shell: your role has no shells.open")
    # Where the library lays a page out beside its own time, it tells nobody.
    for handler in ("on_mount", "on_resize", "on_show"):
        monkeypatch.setattr(TerminalPane, handler, lambda _pane: None)
    async with scene("hosts", source=source) as stage:
        await stage.press("x")
        await stage.shows("your role has no shells.open")


async def test_a_bug_ends_only_its_pane(server: SshServer, tmp_path: Path) -> None:
    source = _source(server, tmp_path)
    source.shells_held.refuses = ValueError("with a secret")
    async with scene("hosts", source=source) as stage:
        await stage.press("x")
        await stage.shows("a bug in Nagare (ValueError)", "Enter opens it again")
        assert "secret" not in stage.text()
        source.shells_held.refuses = None
        await stage.press("enter")
        await _asked(stage, "ssh-ed25519 SHA256:")
        await stage.type("yes")
        await stage.press("enter")
        await _asked(stage, "Password of ops at")
        await stage.type(PASSWORD)
        await stage.press("enter")
        page = stage.app.page
        assert isinstance(page, ShellsPage)
        await _until(stage, lambda: page.panes[0].is_open, "the shell")
        # A worker that tells may sleep only later: the hands go on until it was heard.
        source.shells_held.breaks = KeyError("with a secret")
        for _ in range(100):
            await stage.clock.advance(15)
            await stage.pilot.pause()
            if not page.panes[0].is_open:
                break
        await stage.shows("a bug in Nagare (KeyError)")


def test_what_is_not_shown_of_a_text_is_told() -> None:
    assert _short("ls\npwd") == "ls\npwd"
    assert _short("a" * 100) == f"{'a' * 74}\n… 26 more letters"
    assert _short("b\n" * 9).endswith("\n… 1 more line and 1 more letter")


def test_cells_turn_no_line_around() -> None:
    strip = strip_of([Run("a\u202eb\u2066\x9bc e\u0301")], Style(), 8, None, None)
    assert strip.text == "abc e\u0301   "


async def test_an_empty_page_leaves_the_keys_to_the_app() -> None:
    async with scene("hosts", size=(120, 60)) as stage:
        await stage.press("9")
        await stage.shows("No shell is open")
        await stage.press("question_mark")
        await stage.shows("Broadcast", "Look back")


async def test_a_link_shows_where_it_leads_and_is_copied_when_that_is_meant(server: SshServer, tmp_path: Path) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        pane = await _open(stage)
        await stage.press(LEADER, "l")
        await stage.shows("no link is shown here")

        def link(address: str, word: str) -> bytes:
            return f"\x1b]8;;{address}\x1b\\{word}\x1b]8;;\x1b\\ ".encode()

        pane.send(b"\x1b[H" + link("https://bank.example@evil.example/", "bank") + link("file:///etc/passwd", "file"))
        await stage.until(lambda: "bank file" in pane.shown_text(), "the links")
        await stage.pilot.click(pane, offset=(2, 1))
        await _asked(stage, "leads to evil.example:")
        assert "https://bank.example@evil.example/" in stage.text()
        await stage.press("escape")
        assert stage.app.clipboard == ""
        await stage.pilot.click(pane, offset=(8, 1))
        await stage.shows("this link is not followed", "only http, https, mailto are")
        await stage.press(LEADER, "l")
        await _asked(stage, "leads to evil.example:")
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "https://bank.example@evil.example/", "the clipboard")
        pane.send(link("https://two.example/", "two"))
        await stage.until(lambda: "two" in pane.shown_text(), "the other link")
        await stage.press(LEADER, "l")
        await stage.shows("shows where it leads", "two.example")
        await stage.press("down", "enter")
        await _asked(stage, "leads to two.example:")
        await stage.press("escape")
        # A program that takes the mouse takes clicks, too.
        pane.send(b"\x1b[?1000h\x1b[?1006h")
        await stage.until(lambda: pane.core is not None and pane.core.modes.mouse.value != "off", "the mouse")
        await stage.pilot.click(pane, offset=(2, 1))
        assert stage.app.screen is stage.app.page


async def test_the_footer_offers_shells_where_they_can_be_opened_and_come_back_to(
    server: SshServer, tmp_path: Path
) -> None:
    async with scene("hosts", source=_source(server, tmp_path)) as stage:
        await stage.shows("x Shell")
        assert "9 Shells" not in stage.text()
        await _open(stage)
        await stage.press(LEADER, "2")
        await stage.shows("▸ hosts", "9 Shells", "x Shell")
