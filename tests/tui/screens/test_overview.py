"""The first screen: a window that fits the data there is, and the processes that use the machines."""

import pytest

from nagare.errors import InputError
from nagare.tui.app import TopApp
from nagare.tui.source import Connected, Disconnected
from nagare.tui.verbs import AppVerbs
from nagare.tui.widgets.top_processes import TopProcesses
from nagare.wire.live import Hello
from tests.tui.fleet import NOW_MS, FleetSource, frame_of, host_names
from tests.tui.stage import scene

pytestmark = pytest.mark.may_block(reason="whole screens are drawn, several times over, beside a sampling guard")


async def test_a_fresh_installation_shows_its_first_minutes_in_full() -> None:
    source = FleetSource(host_names(1), begun_ms=NOW_MS - 60_000)
    source.connect()
    async with scene(source=source, hosts=1) as top:
        await top.shows("live 2m", "- 2 m")
        await top.clock.advance(90)
        top.put(frame_of("web-1", NOW_MS + 90_000))
        await top.shows("live 5m", "- 5 m")
        await top.press("3")
        await top.shows("▸ web-1", "live 5m", "- 5 m")
        assert top.app.address == "hosts/web-1"


async def test_a_chosen_window_does_not_grow() -> None:
    source = FleetSource(host_names(1), begun_ms=NOW_MS - 60_000)
    source.connect()
    async with scene("hosts/web-1", source=source) as top:
        await top.shows("live 2m")
        await top.press("left")
        await top.shows("REPLAY", "- 2 m ·")
        await top.clock.advance(90)
        top.app.feed._tick()
        await top.shows("REPLAY", "- 2 m ·")
        await top.press("escape")
        await top.shows("live 5m")
        await top.press("minus")
        await top.shows("live 7m30s")
        await top.clock.advance(400)
        top.app.feed._tick()
        await top.shows("live 7m30s")
        await top.press("t")
        await top.type("auto")
        await top.press("enter")
        await top.shows("live 10m")


async def test_charts_are_compared_with_a_day_and_a_week_before() -> None:
    async with scene("hosts/db-1", (200, 60)) as top:
        await top.shows("busy 68.6%")
        await top.press("c")
        await top.shows("the dim line is a day before", "used a day before")
        await top.press("c")
        await top.shows("used a week before")
        assert "used a day before" not in top.text()
        await top.press("c")
        await top.shows("compared with nothing")
        await top.until(lambda: "used a week before" not in top.text())


async def test_what_cannot_be_compared_is_told() -> None:
    source = FleetSource(host_names(1), begun_ms=NOW_MS - 60_000)
    source.connect()
    async with scene("hosts/web-1", source=source) as top:
        await top.shows("live 2m")
        await top.press("c")
        await top.shows("nothing is kept of a day before: there is no line to compare with")


async def test_an_address_with_a_window_keeps_it() -> None:
    source = FleetSource(host_names(1), begun_ms=NOW_MS - 60_000)
    source.connect()
    async with scene("overview?t=-15m", source=source) as top:
        await top.until(lambda: top.app.model.is_seeded)
        await top.shows("live 15m", "- 15 m")


async def test_the_first_screen_names_who_uses_the_machines() -> None:
    async with scene(hosts=3, size=(200, 60)) as top:
        await top.shows("Top processes", "postgres", "4211", "www-data", "cache-1")
        await top.press("tab")
        assert top.app.focused is not None
        assert top.app.focused.id == "processes"
        await top.press("down", "enter")
        await top.shows("▸ db-1", "Processes")
        assert top.app.page.location.tab == "processes"
        await top.until(lambda: getattr(top.app.page.table(), "cursor_key", "") == "4211\x1fpostgres")  # type: ignore[attr-defined]


async def test_a_lone_host_is_not_named_in_every_row() -> None:
    async with scene(hosts=1) as top:
        await top.shows("Top processes", "postgres", "command")
        header = next(line for line in top.lines() if "program" in line)
        assert "host" not in header.split("▏")[0][:78]


async def test_processes_are_asked_for_as_reports_come_in_and_no_more() -> None:
    async with scene(hosts=1) as top:
        await top.until(lambda: top.source.asked.count("processes") == 1)
        top.put(frame_of("web-1", NOW_MS + 1000))
        await top.pilot.pause(0.3)
        assert top.source.asked.count("processes") == 1
        await top.clock.advance(5)
        top.put(frame_of("web-1", NOW_MS + 5000))
        await top.until(lambda: top.source.asked.count("processes") == 2)


async def test_processes_stay_when_they_cannot_be_asked_for_and_the_reason_is_told() -> None:
    async with scene(hosts=1) as top:
        await top.shows("postgres")
        top.source.fails = InputError("cannot run the statement: no such table")
        await top.clock.advance(5)
        top.put(frame_of("web-1", NOW_MS + 5000))
        await top.shows("no such table", "postgres")


async def test_a_small_terminal_shows_hosts_charts_and_events_only() -> None:
    async with scene(hosts=1, size=(80, 24)) as top:
        await top.shows("Hottest hosts", "CPU", "Events", "net out", "age")
        assert "Top processes" not in top.text()
        assert "processes" not in top.source.asked


async def test_processes_of_a_lost_server_are_dimmed_and_come_back() -> None:
    async with scene(hosts=1) as top:
        await top.shows("postgres")
        top.put(Disconnected("cannot reach http://127.0.0.1:1: connection refused", 8.0))
        await top.shows("no data since")
        table = top.app.page.query_one(TopProcesses)
        assert {table.store.value(key, "standing") for key in table.store.row_keys()} == {"stale"}
        await top.clock.advance(5)
        top.put(Connected(Hello("0.1.0", NOW_MS + 5000)), frame_of("web-1", NOW_MS + 5000))
        await top.until(lambda: {table.store.value(key, "standing") for key in table.store.row_keys()} == {"up"})


async def test_hundreds_of_hosts_with_any_names_stand_a_storm_of_sizes_and_keys() -> None:
    odd = ("[b]markup[/b]", "[@click=app.quit]x", "шлюз-1", "מחשב-2", "🔥-3", "日本-4", "evil\x1b[2J\u202e", "a" * 120)
    source = FleetSource([*odd, *host_names(300)])
    source.connect()
    async with scene(source=source, size=(200, 60)) as top:
        await top.until(lambda: len(top.app.model.hosts) == 308)
        for keys, size in zip(
            (("2",), ("end", "3"), ("]", "]"), ("1", "tab", "enter"), ("t", "6"), ("minus", "left"), ("escape", "1"), ("w", "z")),
            ((80, 24), (10, 3), (120, 40), (1, 1), (300, 90), (39, 9), (200, 60), (80, 24)),
            strict=True,
        ):  # fmt: skip
            await top.press(*("right_square_bracket" if key == "]" else key for key in keys))
            await top.pilot.resize_terminal(*size)
        await top.shows("Hottest hosts")
        assert not any(letter in top.text() for letter in "\x1b\u202e")


async def test_a_bug_ends_the_app_without_a_page_of_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(AppVerbs, "do_copy", fail)
    app: TopApp | None = None

    async def strike() -> None:
        nonlocal app
        async with scene(hosts=1) as top:
            app = top.app
            await top.press("y")
            await top.until(lambda: not top.app.is_running)

    with pytest.raises(ZeroDivisionError):
        await strike()
    assert app is not None
    assert isinstance(app.failure, ZeroDivisionError)
    assert not app._exit_renderables
