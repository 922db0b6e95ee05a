"""A real Chromium without a window, told what to do over its own debugging protocol, and asked what it saw."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

# No sandbox: test machines often run as root in a container, where Chromium's own cannot start.
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--window-size=1280,800", "--no-first-run", "--disable-background-networking",
)  # fmt: skip
PATIENCE_S = 100


class NavigatedError(Exception):
    """A command was not carried out, mostly because the page made way for another one meanwhile."""


class Tab:
    """One page; ``requests`` has every address that it asked for, ``complaints`` what its console said."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Take what the browser says, until it ends."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])
            elif told["method"] == "Network.webSocketCreated":
                self.requests.append(told["params"]["url"])
            elif told["method"] in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(json.dumps(told["params"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a command of the protocol."""
        self._count += 1
        answer = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._count, "method": method, "params": params})
        async with asyncio.timeout(PATIENCE_S):
            told = await answer
        if "error" in told:
            raise NavigatedError(told["error"])
        result: dict[str, Any] = told["result"]
        return result

    async def run(self, script: str) -> Any:
        """Return what a script in the page comes to; a promise is waited for."""
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until a condition holds in the page, which looks again with every picture that it draws."""
        look = (
            "const look = () => { try { if (" + condition + ") return done(true); } catch {} setTimeout(look, 50); };"
        )
        promise = f"new Promise((done) => {{ {look} look(); setTimeout(() => done(false), {PATIENCE_S * 800}); }})"
        try:
            is_met = await self.run(promise)
        except NavigatedError:
            is_met = await self.run(promise)
        if not is_met:
            shown = await self.run("document.body.innerText")
            raise AssertionError(f"never came: {condition}; the page shows {shown}; its console: {self.complaints}")

    async def go(self, url: str) -> None:
        """Open ``url`` and wait until it is there."""
        await self.call("Page.navigate", url=url)
        await self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    async def press(self, letter: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": letter} if kind == "keyDown" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=letter, **text)

    async def enter(self) -> None:
        """Press Enter."""
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def type(self, text: str) -> None:
        """Type a text that needs no key of its own."""
        await self.call("Input.insertText", text=text)

    async def allow_clipboard(self, site: str) -> None:
        """Let the pages of ``site`` read and write the clipboard, as one that has the person's focus."""
        kinds = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        await self.call("Browser.grantPermissions", origin=site, permissions=kinds)
        await self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    async def paste(self) -> None:
        """Paste what is in the clipboard into what has the focus, as a page sees it."""
        carried = "const carried = new DataTransfer(); carried.setData('text/plain', text)"
        event = "new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true})"
        await self.run(
            "navigator.clipboard.readText().then((text) => { "
            f"{carried}; document.activeElement.dispatchEvent({event}); }})"
        )

    async def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def chromium(program: str, profile: Path) -> AsyncIterator[Tab]:
    """Give the tab of a browser that ends with the block."""
    browser = await asyncio.create_subprocess_exec(
        program, *SWITCHES, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            place = await _place(browser)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{place}/json") as answer:
                [page] = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                async with asyncio.TaskGroup() as tasks:
                    listening = tasks.create_task(tab.listen())
                    for domain in ("Page", "Runtime", "Network", "Log"):
                        await tab.call(f"{domain}.enable")
                    yield tab
                    listening.cancel()
    finally:
        browser.terminate()
        await browser.communicate()


async def _place(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr is not None
    async for line in browser.stderr:
        if found := re.search(rb"DevTools listening on ws://([\d.:]+)/", line):
            return found[1].decode()
    raise AssertionError("the browser ended before it listened")
