"""A shell in the dashboard of a real browser, where the installation allows it: what a host copies, and what is pasted to it."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.chromium import Tab, chromium
from tests.support.processes import RunningServer, child_environment, serving
from tests.support.ssh_server import PASSWORD, Doors, SshServer, bash, ssh_server

LOGIN_PASSWORD = "correct horse battery staple"
SCREEN = "document.querySelector('.xterm-rows').innerText"
CLOCK = f"{SCREEN}.split('\\n')[0].trim().split(/\\s/).pop()"
LINES = "echo first-$((40+2))\necho second-$((40+3))\n"


def _prepare(server: RunningServer, ssh: SshServer) -> None:
    server.register("web1")
    labels = {"ssh_address": "127.0.0.1", "ssh_port": str(ssh.port), "ssh_user": "ops"}
    server.request("/api/v1/hosts/web1", {"labels": labels}, method="PATCH")
    grants = [{"role": "admin"}]
    server.request("/api/v1/users", {"name": "ada", "password": LOGIN_PASSWORD, "grants": grants})


async def _shows(tab: Tab, *texts: str) -> None:
    await tab.until(" && ".join(f"{SCREEN}.replaceAll('\\u00a0', ' ').includes({json.dumps(text)})" for text in texts))


async def _hears(tab: Tab) -> None:
    """Wait until a dialog takes keys: it is deaf for half a second, and the clock in the first line moves on by one."""
    for _ in range(2):
        stamp = await tab.run(CLOCK)
        await tab.until(f"{CLOCK} !== {json.dumps(stamp)}")


async def _answer(tab: Tab, question: str, answer: str) -> None:
    await _shows(tab, question)
    await _hears(tab)
    await tab.type(answer)
    await tab.enter()


async def _open_shell(tab: Tab, site: str) -> None:
    await tab.go(f"{site}/ui")
    await tab.run(
        f"document.querySelector('[name=user]').value = 'ada'; "
        f"document.querySelector('[name=password]').value = '{LOGIN_PASSWORD}'; document.querySelector('form').submit()"
    )
    await tab.until("document.body.innerText.includes('Welcome, ada')")
    await tab.run("document.querySelector('a.button').click()")
    await _shows(tab, "overview")
    await tab.press("2")
    await _shows(tab, "▸ hosts", "web1", "x Shell")
    await tab.press("x")
    await _answer(tab, "Type yes to trust it", "yes")
    await _answer(tab, "Password of ops at web1", PASSWORD)
    await _shows(tab, "$ ")


async def _clipboard_holds(tab: Tab, text: str) -> None:
    """Wait until the clipboard has ``text``, looking once for each picture that the page draws."""
    looked = f"(async () => {{ while (await navigator.clipboard.readText() !== {json.dumps(text)}) await new Promise((go) => setTimeout(go, 50)); return true; }})()"
    assert await tab.run(looked)


async def test_a_host_copies_lines_and_they_are_pasted_once_each_is_meant(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    environment = child_environment(NAGARE_UI__SHELLS="true")
    async with ssh_server(Doors(password=True), program=bash) as ssh:
        with serving(tmp_path / "data", environment=environment) as server:
            _prepare(server, ssh)
            async with chromium(program("chromium"), tmp_path / "profile") as tab:
                await tab.allow_clipboard(server.url)
                await _open_shell(tab, server.url)
                # A program on the host asks for the clipboard: a person is asked, and the page writes it.
                (tmp_path / "lines").write_text(LINES)
                await tab.type(f"printf '\\033]52;c;%s\\a' $(base64 -w0 {tmp_path / 'lines'})")
                await tab.enter()
                await _shows(tab, "web1 wants to copy")
                await _hears(tab)
                await tab.press("y")
                await _clipboard_holds(tab, LINES)
                # Several lines are shown before a shell runs them.
                await tab.paste()
                await _shows(tab, "2 lines for web1")
                await tab.press("y")
                await _shows(tab, "$ echo first-$((40+2))", "echo second-$((40+3))")
                # Enclosed in the marks of a paste, so that the shell runs them with Enter and not before.
                await tab.enter()
                await _shows(tab, "first-42", "second-43")
                # Else its server would wait for it.
                await tab.type("exit")
                await tab.enter()
                await _shows(tab, "ended with status 0")
