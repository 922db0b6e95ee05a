"""Who sees this for the first time: five things, each within six keys of the overview, and every key is shown where it is pressed."""

# ruff: noqa: TID253  these tests drive textual itself

from pathlib import Path

import pytest
from rich.console import Console
from textual.widgets import Static

from nagare.tui.keymap import key_label
from nagare.tui.screens.help import HelpScreen
from tests.tui.alerts import alert_of
from tests.tui.fleet import FleetSource, host_names
from tests.tui.shells import ssh_settings
from tests.tui.stage import Scene, scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")
_KEYS_MOST = 6


class _Newcomer:
    """Presses only what stands in the footer, in the help, or in the dialogue that is open, and counts from the overview."""

    def __init__(self, top: Scene) -> None:
        self._top = top
        self._pressed: list[str] = []

    async def from_overview(self) -> None:
        """Begin anew at the overview, at the present."""
        for key in ("0", "1"):
            await self._top.press(key)
        await self._top.until(lambda: self._top.app.page.location.page == "overview" and not self._is_past())
        self._pressed = []

    def _is_past(self) -> bool:
        return self._top.app.feed.replay.moment_ms is not None

    async def press(self, key: str) -> None:
        """Press ``key``, which must be shown."""
        assert await self._is_shown(key_label(key)), f"{key} is shown nowhere:\n{self._top.text()}"
        self._pressed.append(key)
        assert len(self._pressed) <= _KEYS_MOST, self._pressed
        await self._top.press(key)

    async def _is_shown(self, label: str) -> bool:
        top = self._top
        if top.app.screen is not top.app.page:
            return f" {label} " in top.text()
        return f" {label} " in top.lines()[-1] or label in await self._helped()

    async def _helped(self) -> set[str]:
        """Return the keys that the help of this screen names."""
        top = self._top
        await top.pilot.press("question_mark")
        await top.until(
            lambda: isinstance(top.app.screen, HelpScreen) and bool(top.app.screen.query(Static)), "the help"
        )
        console = Console(width=200, color_system=None)
        with console.capture() as captured:
            for static in top.app.screen.query(Static):
                console.print(static.content)
        await top.pilot.press("escape")
        await top.until(lambda: top.app.screen is top.app.page, "the page")
        # Keys stand in the first column; words of the others are no keys.
        return {key for line in captured.get().splitlines() for key in line.strip().split("  ")[0].split()}


async def test_a_newcomer_finds_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = FleetSource(host_names(4))
    source.ssh = ssh_settings(tmp_path)
    source.alerts_held.put(alert_of("Worse", "cache-1", 3), *(alert_of("Busy", name, 1) for name in source.names))
    async with scene("overview", (120, 40), source=source) as top:
        person = _Newcomer(top)
        await top.until(lambda: len(top.app.model.alerts) == 5, "the alerts")
        hottest = max(top.app.model.hosts.values(), key=lambda host: host.value("cpu.busy")).name

        await person.press("enter")
        await top.shows(f"▸ hosts ▸ {hottest}")

        await person.from_overview()
        for key in ("enter", "right_square_bracket", "t", "m"):
            await person.press(key)
        await top.shows("REPLAY 08:52:20", "Processes", "postgres")
        assert (top.app.page.table().cursor_key or "").startswith("4211")  # type: ignore[attr-defined]

        await person.from_overview()
        for key in ("enter", "x"):
            await person.press(key)
        await top.until(lambda: source.shells_held.opened == [hottest], "the shell")
        await top.app.act("screen.overview")

        await person.from_overview()
        for key in ("4", "a", "enter"):
            await person.press(key)
            await top.pilot.pause(0.1)
        await top.until(lambda: source.alerts_held.held[f"busy-{hottest}"].state == "acknowledged", "the alert in hand")
        assert [one.state for one in source.alerts_held.held.values()].count("acknowledged") == 1

        await person.from_overview()
        await person.press("enter")
        await top.shows(f"▸ hosts ▸ {hottest}", "• busy")
        await person.press("e")
        await top.shows("SVG: CPU")
        await person.press("enter")
        await top.until(lambda: bool(list(tmp_path.glob("*.svg"))), "the file")
