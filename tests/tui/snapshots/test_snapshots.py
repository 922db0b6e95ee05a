"""Pictures of screens at the sizes we promise, with a clock that stands and a seeded fleet.

A change that is meant: `make snapshots`, then look at every picture before it is committed.
"""

# ruff: noqa: TID253  these tests drive textual itself

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from rich.segment import Segment
from textual.filter import LineFilter
from textual.pilot import Pilot
from textual.widgets import Input

from nagare.errors import InputError
from nagare.lib.clock import ManualClock
from nagare.tui.app import TopApp
from nagare.tui.source import Disconnected, Missing
from nagare.tui.widgets.chart_board import ChartBoard
from nagare.wire.events import EventView
from tests.tui.alerts import alert_of
from tests.tui.automation import schedule_of, task_of
from tests.tui.diagnosis import diagnosis_of
from tests.tui.fleet import NOW_MS, FleetSource, frame_of, host_names
from tests.tui.jobs import command_of, job_of
from tests.tui.notify import heartbeat_of, incident_of, notice_of
from tests.tui.sight import poor_text
from tests.tui.stage import Scene, make_app, use_utc

pytestmark = pytest.mark.may_block(reason="whole screens are drawn")
# Work that lasts as long as its screen does, or until a person answers.
_WAITING = ("feed", "decide", "compose", "query", "choose", "shell", "told", "shell command")
Compare = Callable[..., bool]
Steps = Callable[[Scene], Awaitable[None]]

_TEXTS = (
    ("unit.failed", 1, "nginx.service failed: exit-code"),
    ("agent.start", 0, "agent 0.1.0 started"),
    ("kernel.oom_kill", 3, "killed postgres for want of memory"),
    ("note", 0, "deployed 4.2"),
)


def _source(hosts: int, *, connect: bool = True) -> FleetSource:
    names = host_names(hosts)
    source = FleetSource(names)
    source.events_held = [
        EventView(str(index), NOW_MS - 5000 - index * 97_000, names[index % hosts], kind, severity, "agent", text, {})
        for index in range(8)
        for kind, severity, text in [_TEXTS[index % 4]]
    ]
    if connect:
        source.connect()
    return source


def _picture(
    compare: Compare,
    location: str,
    size: tuple[int, int],
    steps: Steps,
    source: FleetSource,
    *,
    filters: Sequence[LineFilter] = (),
    **top: Any,
) -> None:
    """Compare a screen with its picture; whatever theme it is drawn in, its text can be read."""
    use_utc()
    clock = ManualClock(NOW_MS)
    app = make_app(source, clock, location, **top)
    app._filters.extend(filters)

    async def run(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, TopApp)
        opened = Scene(pilot.app, source, clock, pilot)
        await opened.until(lambda: app._feed is not None)
        # No tick of the real clock samples the fleet before all of it has spoken: ``_fleet`` does.
        app.feed._fleet_sampled_ms = NOW_MS
        await opened.until(lambda: app.page.is_ready)
        await steps(opened)
        await _still(opened)
        assert filters or not poor_text(app)

    assert compare(app, terminal_size=size, run_before=run)


async def _still(top: Scene) -> None:
    """Wait until nothing is asked or painted and the picture does not change for a while."""
    seen: list[list[Segment]] = []
    same = 0
    for _ in range(400):
        await top.pilot.pause(0.05)
        # The segments with their styles: what a picture is made of, at a fraction of the price of one.
        drawn = [list(strip) for strip in top.app.screen._compositor.render_strips()]
        same = same + 1 if drawn == seen and not _is_at_work(top) else 0
        seen = drawn
        if same >= 8:
            return
    raise AssertionError("the picture never came to rest")


def _is_at_work(top: Scene) -> bool:
    asking = any(worker.name not in _WAITING and not worker.is_finished for worker in top.app.workers)
    waiting = any(board._timer is not None for board in top.app.page.query(ChartBoard))
    return asking or waiting or top.app.feed._timer is not None


async def _fleet(top: Scene) -> None:
    model = top.app.model
    await top.until(lambda: model.is_primed and "seed" in top.source.asked and top.app.focused is not None)
    await top.until(lambda: all(host.tables for host in model.hosts.values()))
    # The tick of each second samples the fleet once, because the clock stands: it must not come before or after. Where it came
    # before all had spoken, as on a busy machine, what it took is dropped.
    model.fleet.clear()
    top.app.feed._fleet_sampled_ms = 0
    top.app.feed._tick()


async def _charts(top: Scene) -> None:
    await _fleet(top)
    await top.until(lambda: all(any(part in asked for asked in top.source.asked) for part in ("history", "marks")))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_overview(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "overview", size, _charts, _source(14))


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
def test_hosts(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.clock.advance(20)
        full: dict[str, dict[str, list[Any]]] = {
            "disk": {"mount": ["/var"], "device": ["sdb"], "used_ratio": [0.981], "read_only": [False]}
        }
        for name in top.source.names[:-1]:
            top.put(frame_of(name, NOW_MS + 20_000, tables=full if name == "db-2" else None))
        await top.shows("◌ stale", "✖ crit")

    _picture(snap_compare, "hosts?sort=state.asc", size, steps, _source(9))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_host_with_a_crosshair(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _charts(top)
        await top.until(lambda: "busy" in top.text())
        # The window fits the data: an answer that comes between two keys would move what the crosshair is on.
        await _still(top)
        await top.press(*["left"] * 9)
        await top.until(lambda: "REPLAY" in top.text() and not top.app.feed.replay.is_loading, "the moment")

    _picture(snap_compare, "hosts/db-1", size, steps, _source(4))


def test_cores(snap_compare: Compare) -> None:
    source = FleetSource(host_names(2), cores=32)
    source.connect()
    _picture(snap_compare, "hosts/db-1/cores", (120, 40), _fleet, source)


def _jobs(source: FleetSource) -> FleetSource:
    """Give the fleet commands in every standing."""
    df = "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda1       100G   42G   58G  42% /\n"
    reboot = {"action": "host.reboot", "risk": "second-person", "requester": "bob", "age_seconds": 30}
    restart = {"action": "service.restart", "arguments": {"unit": "nginx.service"}, "risk": "self-confirm",
               "approval": "self-confirm", "approver": "ada", "age_seconds": 4000}  # fmt: skip
    deploy = {"action": "site.deploy", "arguments": {"version": "4.2", "workers": 4}, "risk": "second-person",
              "why": "the fix for the slow page", "age_seconds": 300}  # fmt: skip
    source.commands.put(
        job_of("one", [command_of(name, out=df) for name in source.names]),
        job_of("wait", [command_of(name, "pending") for name in source.names[:3]], **deploy),
        job_of("mine", [command_of("db-1", "pending")], **reboot),
        job_of("tail", [command_of("web-1", "started"), command_of("db-1", "queued")], action="file.tail", age_seconds=12),
        job_of("mix", [
            command_of("web-1", out="ok\n"), command_of("db-1", "failed", err="Job for nginx.service failed\n"),
            command_of("cache-1", "lost", reason="no-word", text="the host had its time, and said nothing of how it ended"),
            command_of("worker-1", "expired", reason="expired"),
        ], **restart),
    )  # fmt: skip
    return source


async def _listed(top: Scene) -> None:
    await _fleet(top)
    await top.shows("site.deploy")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_commands(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "commands", size, _listed, _jobs(_source(4)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_one_command(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _listed(top)
        await top.press("end", "enter")
        await top.shows("no-word")
        await top.press("down")
        await top.shows("! Job for nginx.service failed")

    _picture(snap_compare, "commands", size, steps, _jobs(_source(4)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_agreeing(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _listed(top)
        await top.press("down", "a")
        await top.shows("type 3 to approve")
        top.app.screen.query_one(Input).cursor_blink = False

    _picture(snap_compare, "commands", size, steps, _jobs(_source(4)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_composing(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _listed(top)
        await top.press("n")
        await top.shows("Run an action")
        await top.type("deploy")
        await top.press("enter")
        await top.shows("Enter shows the plan")
        for field in top.app.screen.query(Input):
            field.cursor_blink = False
        await top.type("db-1")
        await top.press("enter")
        await top.type("4x")
        await top.shows("does not match")

    _picture(snap_compare, "commands", size, steps, _jobs(_source(4)))


def _diagnosed() -> FleetSource:
    """Give the fleet diagnoses of every verdict."""
    source = _source(4)
    none: dict[str, Any] = {"findings": [], "evidence": [], "struck": []}
    source.diagnoses_held.put(
        diagnosis_of("d1"),
        diagnosis_of("d2", seconds=4000, verdict="OK", severity=0, host="", summary="nothing is wrong with 4 hosts", **none),
        diagnosis_of("d3", seconds=9000, verdict="UNKNOWN", severity=None, host="db-1", alert="memorylow-db-1", asked_by="nagare",
                     summary="nothing is known: no host sent anything in this window", **none),
        diagnosis_of("d4", seconds=90_000, verdict="WARNING", severity=1, host="cache-1", is_inconclusive=True,
                     summary="inconclusive: 1 alert is open, and no cause could be shown", **none),
    )  # fmt: skip
    return source


async def _answered(top: Scene) -> None:
    await _fleet(top)
    await top.until(lambda: "✖ crit" in top.text() or "X crit" in top.text(), "the list")
    await top.press("enter")
    await top.shows("no model was used", "disk.full")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_a_diagnosis(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "diagnose", size, _answered, _diagnosed())


def test_a_question_without_an_answer(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.press("D")
        await top.shows("no answer about the fleet", "diagnosis.provider")

    source = _diagnosed()
    source.diagnoses_held.refuses = InputError("cannot ask a model: none is configured", hint="set diagnosis.provider")
    source.diagnoses_held.may_end.set()
    _picture(snap_compare, "diagnose", (120, 40), steps, source)


def test_no_diagnosis_yet(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.shows("nothing was diagnosed yet")

    _picture(snap_compare, "diagnose", (80, 24), steps, _source(4))


def _automation() -> FleetSource:
    source = _source(4)
    source.tasks_held.put(
        task_of("aaaa", progress_ratio=0.42, progress_text="copied 42 of 100 blocks", schedule="nightly"),
        task_of("bbbb", "failed", kind="export", reason="error", text="no room left on the disk", attempt=3),
        task_of("cccc", "done", kind="verify"),
    )
    source.schedules_held.put(
        schedule_of("nightly", text="the usual"), schedule_of("weekly", NOW_MS + 90_000_000, cron="0 4 * * 0", kind="verify"),
        schedule_of("old", enabled=False, last_outcome="missed"),
        schedule_of("sunk", zone="Europe/Atlantis", next=[], fault="cannot use zone 'Europe/Atlantis': there is no such zone"),
    )  # fmt: skip
    return source


async def _plan_shown(top: Scene) -> None:
    await _fleet(top)
    await top.until(lambda: "nightly" in top.text() or "42 of 100" in top.text())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("page", ["tasks", "schedules"])
def test_automation(snap_compare: Compare, size: tuple[int, int], page: str) -> None:
    _picture(snap_compare, page, size, _plan_shown, _automation())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_making_a_schedule(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def steps(top: Scene) -> None:
        await _plan_shown(top)
        await top.press("N")
        await top.shows("New schedule")
        for field in top.app.screen.query(Input):
            field.cursor_blink = False
        for name, text in (("name", "nightly"), ("cron", "30 2 * * *"), ("zone", "Europe/Berlin"), ("kind", "command")):
            top.app.screen.query_one(f"#field-{name}", Input).value = text
        await top.shows("there is one of that name", "02:30 CEST")

    _picture(snap_compare, "schedules", size, steps, _automation())


async def _glass_broken(top: Scene) -> None:
    await _listed(top)
    await top.press("n")
    await top.shows("Run an action")
    await top.type("deploy")
    await top.press("enter")
    await top.shows("Enter shows the plan")
    texts = {"targets": "db-1", "argument-version": "4.2", "argument-mode": "blue", "break_glass": "the shop is down"}
    for field, text in texts.items():
        top.app.screen.query_one(f"#field-{field}", Input).value = text
    await top.press("enter")
    await top.shows("BREAK GLASS")
    top.app.screen.query_one(Input).cursor_blink = False


async def _hosts_chosen(top: Scene) -> None:
    await _listed(top)
    await top.press("n", "enter")
    await top.shows("Enter shows the plan")
    await top.press("f2")
    await top.shows("Choose hosts")
    top.app.screen.query_one(Input).cursor_blink = False
    await top.type("e")
    await top.press("tab")
    await top.shows("[x]")


async def _agent_told(top: Scene) -> None:
    await _fleet(top)
    await top.shows("disk.usage, 1m01s ago")


# Each picture twice, small: what colour and odd characters tell must be there without them.
_PLAIN: dict[str, tuple[str, Steps]] = {
    "choosing-hosts": ("commands", _hosts_chosen),
    "breaking-glass": ("commands", _glass_broken),
    "tasks": ("tasks", _plan_shown),
    "schedules": ("schedules", _plan_shown),
    "agent": ("hosts/db-1/agent", _agent_told),
    "diagnosis": ("diagnose", _answered),
}


@pytest.mark.parametrize("name", _PLAIN)
@pytest.mark.parametrize("is_ascii", [False, True], ids=["mono", "ascii"])
def test_without_colour_and_in_ascii(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, name: str, *, is_ascii: bool
) -> None:
    if not is_ascii:
        monkeypatch.setenv("NO_COLOR", "1")
    location, steps = _PLAIN[name]

    async def checked(top: Scene) -> None:
        await steps(top)
        if is_ascii:
            assert all(line.isascii() for line in top.lines())

    made = {"commands": lambda: _jobs(_source(4)), "diagnose": _diagnosed}
    source = made.get(location, _automation)()
    _picture(snap_compare, location, (80, 24), checked, source, ascii=is_ascii)


def _alarmed(source: FleetSource) -> FleetSource:
    """Give the fleet alerts of every severity, one in hand and one that nobody is told of."""
    source.alerts_held.put(
        alert_of("DiskFull", "web-1", 3, seconds=240, labels={"mount": "/var"}), alert_of("MemoryLow", "db-1", 2, seconds=4000),
        alert_of("CpuBusy", "cache-1", 1, "re-opened", is_flapping=True), alert_of("Reboot", "worker-1", 0, seconds=9000),
        alert_of("HostDown", "worker-1", 3, silenced_by=["s0"], is_stale=True), alert_of("Smart", "db-1", 2, "acknowledged", owner="ada"),
    )  # fmt: skip
    return source


async def _alarms(top: Scene) -> None:
    await _fleet(top)
    await top.shows("DiskFull", "MemoryLow")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_alerts(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "alerts", size, _alarms, _alarmed(_source(4)))


def test_alerts_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _picture(snap_compare, "alerts", (120, 40), _alarms, _alarmed(_source(4)))


def test_an_overview_with_alerts(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.shows("DiskFull web-1")

    _picture(snap_compare, "overview", (120, 40), steps, _alarmed(_source(4)))


def test_silencing(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _alarms(top)
        await top.press("s")
        await top.shows("matches 1 of")
        for field in top.app.screen.query(Input):
            field.cursor_blink = False

    _picture(snap_compare, "alerts", (80, 24), steps, _alarmed(_source(4)))


def _told(source: FleetSource) -> FleetSource:
    """Give the fleet alerts of which people were told, or were not."""
    _alarmed(source)
    far = source.notify_held
    far.put_incident(incident_of("inc1", labels={"alertname": "DiskFull", "rack": "r7"}), "diskfull-web-1")
    far.put_incident(incident_of("inc2", is_waiting=False, labels={"alertname": "Smart"}, step=0), "smart-db-1")
    far.put_incident(incident_of("inc3", is_open=False, labels={}))
    far.put(
        notice_of("n1", "dead", seconds=900), notice_of("n2", "waiting", channel="ada/phone", kind="ntfy", number=2, seconds=60),
        notice_of("n3", incident="inc2", channel="ops/mail", seconds=90, alertnames=["Smart"], firing=1),
        notice_of("n4", "dropped", "inc3", seconds=7000, firing=0, resolved=2, reason="all alerts resolved"),
    )  # fmt: skip
    far.put_heartbeats(
        heartbeat_of("backup", "missing"), heartbeat_of("sync"), heartbeat_of("report", "failed"), heartbeat_of("late", "late"),
        heartbeat_of("renewal", "waiting"),
    )  # fmt: skip
    return source


_TOLD = {
    "incidents": "alertname=Smart", "notifications": "ada/phone", "routes": "oncall", "heartbeats": "renewal",
    "incidents/inc1/timeline": "the incident began",
}  # fmt: skip


def _told_steps(page: str) -> Steps:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.shows(_TOLD[page], "⊠" if not top.app.use_ascii else "undelivered D 1")

    return steps


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("page", _TOLD, ids=lambda page: page.rsplit("/", maxsplit=1)[-1])
def test_how_people_are_told(snap_compare: Compare, size: tuple[int, int], page: str) -> None:
    _picture(snap_compare, page, size, _told_steps(page), _told(_source(4)))


@pytest.mark.parametrize("is_ascii", [False, True], ids=["mono", "ascii"])
def test_a_notification_without_colour_and_in_ascii(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, *, is_ascii: bool
) -> None:
    if not is_ascii:
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps(top: Scene) -> None:
        await _told_steps("notifications")(top)
        await top.press("enter")
        await top.shows("it reached nobody, 3 tries")
        assert not is_ascii or all(line.isascii() for line in top.lines())

    _picture(snap_compare, "notifications", (80, 24), steps, _told(_source(4)), ascii=is_ascii)


def test_commands_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _picture(snap_compare, "commands", (120, 40), _listed, _jobs(_source(4)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_an_agent(snap_compare: Compare, size: tuple[int, int]) -> None:
    _picture(snap_compare, "hosts/db-1/agent", size, _agent_told, _source(4))


def test_help(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _fleet(top)
        await top.press("question_mark")

    _picture(snap_compare, "hosts", (120, 40), steps, _source(3))


def test_no_server(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        top.put(Missing("cannot reach the server of /data: none is running", "start it with: nagare up", 4.0))
        await top.shows("no server")

    _picture(snap_compare, "overview", (80, 24), steps, _source(1, connect=False))


def test_a_lost_server(snap_compare: Compare) -> None:
    async def steps(top: Scene) -> None:
        await _charts(top)
        # A tick between the two would sample the fleet once more.
        top.app.feed._fleet_sampled_ms = NOW_MS + 12_000
        await top.clock.advance(12)
        top.put(Disconnected("cannot reach http://127.0.0.1:8750: connection refused", 8.0))
        await top.shows("no data since")
        # What the tick of the second makes of ages is there whether one came meanwhile or not.
        top.app.feed._tick()

    _picture(snap_compare, "overview", (120, 40), steps, _source(6))


def test_light_theme(snap_compare: Compare) -> None:
    _picture(snap_compare, "hosts/db-1", (120, 40), _charts, _source(4), theme="nagare-light")


def test_no_colour_keeps_every_meaning(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    _picture(snap_compare, "overview", (120, 40), _charts, _source(14))
