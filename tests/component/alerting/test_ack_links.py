"""Links in notifications, in both databases: what was signed here, for as long as it holds, and once."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.notify.acking import Acking
from nagare.alerting.notify.links import AckLinks
from nagare.alerting.store import AlertStore
from nagare.config.settings import RecordsSettings
from nagare.errors import ConfigError, ConflictError, PermissionDeniedError
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.lib.teller import Teller
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Event, Severity
from nagare.model.principal import Principal
from nagare.records.engine import Records

INCIDENT, CHANNEL = "0a1b2c3d000040008000000000000001", "ops/phone"
WEEK_MS = 7 * 86_400_000


@dataclass
class Desk:
    """Links over an incident of two alerts, one of them in hand already."""

    records: Records
    clock: ManualClock
    key_file: Path
    base: str = "https://nagare.example.org/"
    events: list[Event] = field(default_factory=list)
    channels: list[str] = field(default_factory=lambda: ["ops/mail", CHANNEL])
    # What the room of alerts was asked to acknowledge.
    taken: list[str] = field(default_factory=list)
    board: Board = field(init=False)

    async def open(self) -> Acking:
        """Return the verbs, as a server has them that starts."""
        links = await AckLinks(self.records, self.key_file, self.base, self.clock).__aenter__()
        store = AlertStore(self.records)
        self.board = board = Board(store, Teller[Event](self._happened, self.clock, Counters()), self.clock)
        await board.load()

        async def alerts_of(incident: str) -> list[Alert]:
            return await store.load_open() if incident == INCIDENT else []

        async def acknowledge(alert: Alert, principal: Principal, text: str) -> Alert:
            self.taken.append(alert.id)
            now_ms = self.clock.now_ms()
            verb = partial(lifecycle.acknowledge, actor=principal.name, cause=text, now_ms=now_ms)
            found, is_changed = await board.change(alert.id, verb)
            if not is_changed:
                raise ConflictError("cannot acknowledge alert: somebody was first")
            return found

        return Acking(links, acknowledge, alerts_of, lambda: self.channels)

    async def add(self, name: str, state: AlertState, owner: str = "") -> None:
        """Open an alert."""
        now_ms = self.clock.now_ms()
        one = Alert(
            name, "test", name, "", Severity.HIGH, {"alertname": name}, {}, now_ms, now_ms, now_ms, state, owner=owner
        )
        await AlertStore(self.records).apply([Step(one, (Transition(now_ms, None, state, "test", "because"),))])

    async def _happened(self, event: Event) -> None:
        self.events.append(event)


def token_of(acking: Acking, until_ms: int) -> str:
    """Return a link's token."""
    url = acking.links.url(INCIDENT, CHANNEL, until_ms)
    assert url.startswith("https://nagare.example.org/ack/")
    return url.rpartition("/")[2]


@pytest.fixture
async def desk(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Desk]:
    """A desk with alerts."""
    async with Records(tmp_path / "records.db", migrated) as opened:
        made = Desk(opened, ManualClock(), tmp_path / "keys" / "links.key")
        await made.add("full", AlertState.FIRING)
        await made.add("slow", AlertState.ACKNOWLEDGED, "ann")
        await made.add("odd", AlertState.PENDING)
        yield made


def owners(desk: Desk) -> dict[str, str]:
    """Return who has which alert in hand."""
    return {alert.id: alert.owner for alert in desk.board.open()}


async def test_looking_changes_nothing(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    for _ in range(3):
        shown = await acking.look(token)
        assert ([one.id for one in shown.takeable], len(shown.alerts), shown.actor) == (["full"], 2, "link ops/phone")
    assert owners(desk) == {"full": "", "slow": "ann", "odd": ""}


async def test_what_is_active_is_acknowledged_once(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    shown = await acking.take(token)
    assert shown.takeable == []
    assert owners(desk) == {"full": "link ops/phone", "slow": "ann", "odd": ""}
    # After a restart, too.
    again = await desk.open()
    for verb in (again.look, again.take):
        with pytest.raises(ConflictError, match="link ops/phone did so at 2025-"):
            await verb(token)


async def test_of_many_that_press_at_one_time_one_is_first(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    found = await asyncio.gather(*(acking.take(token) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(one, ConflictError) for one in found) == 7
    turns = await desk.board.store.turns_of("full")
    assert [turn.actor for _, turn in turns] == ["test", "link ops/phone"]


async def test_the_room_of_alerts_acknowledges(desk: Desk) -> None:
    """So that whatever follows an acknowledgement follows this one, too."""
    acking = await desk.open()
    await acking.take(token_of(acking, desk.clock.now_ms() + WEEK_MS))
    assert desk.taken == ["full"]


async def test_a_link_ends_with_its_channel(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    desk.channels.remove(CHANNEL)
    for verb in (acking.look, acking.take):
        with pytest.raises(PermissionDeniedError, match="the channel that it was sent by is not there any more"):
            await verb(token)
    assert owners(desk)["full"] == ""
    desk.channels.append(CHANNEL)
    await acking.take(token)
    assert owners(desk)["full"] == "link ops/phone"


async def test_who_was_cut_off_goes_on(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    link, _ = await acking.links.find(token)
    await acking.links.begin(link, "link ops/phone")
    with pytest.raises(ConflictError):
        await acking.take(token)
    await desk.clock.advance(31)
    await acking.take(token)
    assert owners(desk)["full"] == "link ops/phone"


async def test_a_link_ends(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + 1000)
    await acking.look(token)
    await desk.clock.advance(1)
    for verb in (acking.look, acking.take):
        with pytest.raises(PermissionDeniedError, match="it ended at 2025-"):
            await verb(token)


def _changed(token: str) -> list[str]:
    payload, _, mac = token.partition(".")
    later = base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload + "==") + b"9").rstrip(b"=").decode()
    other = "A" if mac[0] != "A" else "B"
    return [
        "", ".", "x", "é", "a" * 5000, f"{payload}.", f".{mac}", f"{payload}", f"{later}.{mac}", f"{payload}.{other}{mac[1:]}",
        f"{token}=", f"{token}.", f" {token}", f"{payload}={'.'}{mac}", token.swapcase(),
    ]  # fmt: skip


async def test_what_was_not_signed_here_is_refused(desk: Desk, tmp_path: Path) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + WEEK_MS)
    desk.key_file = tmp_path / "other" / "links.key"
    other = await desk.open()
    for one in [*_changed(token), token_of(other, desk.clock.now_ms() + WEEK_MS)]:
        for verb in (acking.look, acking.take):
            with pytest.raises(PermissionDeniedError, match="none of this server's"):
                await verb(one)
    assert owners(desk)["full"] == ""


async def test_used_links_that_ended_are_forgotten(desk: Desk) -> None:
    acking = await desk.open()
    token = token_of(acking, desk.clock.now_ms() + 1000)
    await acking.take(token)
    link, used = await acking.links.find(token)
    assert used is not None
    for seconds, is_there in ((86_401, True), (1, False)):
        await desk.clock.advance(seconds)
        await acking.take(token_of(acking, desk.clock.now_ms() + WEEK_MS))
        assert (await acking.links.store.find(link.id) is not None) is is_there


async def test_without_an_address_there_is_no_link(desk: Desk) -> None:
    desk.base = ""
    assert (await desk.open()).links.url(INCIDENT, CHANNEL, 1) == ""


async def test_the_key_is_the_owners_alone(desk: Desk) -> None:
    await desk.open()
    assert (desk.key_file.stat().st_mode & 0o777, desk.key_file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    desk.key_file.write_text("none\n")
    with pytest.raises(ConfigError, match="not base64 of 32 bytes"):
        await desk.open()
