"""What others say, in passing: messages of people and notifications, on whatever screen, with the bell unless it is off."""

from collections.abc import Callable
from typing import Any

import pytest

from nagare.wire.events import EventView
from nagare.wire.live import EventFrame, MessageFrame
from tests.tui.fleet import NOW_MS, FleetSource, host_names
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


def _notification(text: str) -> EventFrame:
    return EventFrame(
        EventView("i1.1.abc", NOW_MS, "", "notification", 3, "alerting", text, {"channel": "terminal/terminal"})
    )


@pytest.mark.parametrize("bell", [True, False])
async def test_a_message_shows_who_sent_it(monkeypatch: pytest.MonkeyPatch, bell: bool) -> None:
    async with scene("overview", (120, 40), source=FleetSource(host_names(2)), toasts=True, bell=bell) as top:
        rings: list[bool] = []
        monkeypatch.setattr(top.app, "bell", lambda: rings.append(True))
        top.put(MessageFrame("db1 [bold]restarts[/bold] in five minutes", "ada", NOW_MS, 60.0))
        await top.shows("db1 [bold]restarts[/bold] in five minutes", "ada")
        assert rings == ([True] if bell else [])
        # It stays where one goes.
        await top.press("2")
        await top.shows("▸ hosts", "in five minutes")


@pytest.mark.parametrize("bell", [True, False])
async def test_a_notification_shows_and_rings(monkeypatch: pytest.MonkeyPatch, bell: bool) -> None:
    async with scene("hosts", (120, 40), source=FleetSource(host_names(2)), toasts=True, bell=bell) as top:
        rings: list[bool] = []
        monkeypatch.setattr(top.app, "bell", lambda: rings.append(True))
        top.put(_notification("DiskFull on web-1: 98.0% full"))
        await top.shows("Notification", "DiskFull on web-1: 98.0% full")
        assert rings == ([True] if bell else [])


async def test_what_happened_before_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FleetSource(host_names(2))
    async with scene("hosts", (120, 40), source=source, toasts=True) as top:
        rings: list[bool] = []
        monkeypatch.setattr(top.app, "bell", lambda: rings.append(True))
        top.app.model.add_events([_notification("old").event])
        await top.shows("▸ hosts")
        assert rings == []


async def test_many_at_once_leave_the_screen_to_what_they_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene("hosts", (120, 40), source=FleetSource(host_names(2)), toasts=True) as top:
        rings: list[bool] = []
        monkeypatch.setattr(top.app, "bell", lambda: rings.append(True))
        for number in range(40):
            top.put(_notification(f"Load{number} on web-1"))
        await top.shows("Load0 on web-1", "Load1 on web-1", "Load2 on web-1")
        await top.shows("and 37 more · 4 shows what needs you, N what was told")
        assert "Load3 " not in top.text()
        assert len(rings) == 4


async def test_one_line_at_a_time_tells_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene("hosts", (120, 40), source=FleetSource(host_names(2)), toasts=True) as top:
        waits: list[tuple[float, Callable[[], None]]] = []
        notifications, set_timer = top.app.feed._notifications, top.app.set_timer

        def held(seconds: float, act: Any) -> Any:
            if act != notifications._show_held:
                return set_timer(seconds, act)
            return waits.append((seconds, act))

        monkeypatch.setattr(top.app, "set_timer", held)
        for number in range(5):
            top.put(_notification(f"Load{number} on web-1"))
        await top.until(lambda: len(waits) == 1, "what is held")
        waits[0][1]()
        await top.shows("and 2 more")
        for number in range(5, 9):
            top.put(_notification(f"Load{number} on web-1"))
        await top.until(lambda: len(waits) == 2, "what is held")
        assert [seconds for seconds, _ in waits] == [1.0, 12.0]
        waits[1][1]()
        await top.shows("and 4 more")
