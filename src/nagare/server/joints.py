"""What rooms are told of each other, and which of them are loaded late: the joints that ``compose`` puts together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nagare.alerting.notify.acking import Acking
from nagare.alerting.notify.channels import make_channels
from nagare.alerting.notify.links import AckLinks
from nagare.alerting.notify.room import Ways
from nagare.alerting.service import Alerts
from nagare.audit.service import AuditTrail
from nagare.automation.schedules.service import Schedules
from nagare.automation.tasks.service import Ground as TaskGround
from nagare.automation.tasks.service import Tasks
from nagare.bus.choice import make_bus
from nagare.bus.protocol import Bus
from nagare.commands.service import Commands
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.diagnosis.anomalies.service import Anomalies
from nagare.diagnosis.kb.service import KnowledgeBase
from nagare.diagnosis.service import Diagnoses
from nagare.fleet.maintenance.service import Maintenance
from nagare.fleet.notes.service import Notes
from nagare.fleet.service import Fleet
from nagare.identity.service import Identity
from nagare.identity.shells.service import Shells
from nagare.lib.clock import Clock
from nagare.model.alert.alert import Alert
from nagare.model.columns import RecordTable
from nagare.model.host import Host
from nagare.model.notify.incident import FIRING
from nagare.net.channels.channels import Channels
from nagare.records.engine import Records
from nagare.server.alert_book import AlertBook
from nagare.server.bus_view import BusView
from nagare.server.command_book import CommandBook
from nagare.server.diagnosis_book import DiagnosisBook, watch_alerts
from nagare.server.hub import Hub
from nagare.server.live.relay import Relay
from nagare.server.rates.service import RateLimits
from nagare.server.running.bounded import Entrance
from nagare.server.task_book import Rooms, TaskBook
from nagare.server.tunnels.holding import Holding
from nagare.server.tunnels.tunnels import Tunnels
from nagare.server.ui.desks import Desks
from nagare.server.update_view import UpdateView
from nagare.updates.service import Updates
from nagare.wire.hosts import HostView

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore
    from nagare.scrape.service import Scraper
    from nagare.statsd.service import StatsdServer


@dataclass(frozen=True, slots=True)
class Ground:
    """What every feature stands on."""

    records: Records
    bus: Bus
    audit: AuditTrail
    identity: Identity
    bus_view: BusView


async def open_ground(entrance: Entrance, settings: Settings, clock: Clock) -> Ground:
    """Enter the rooms below the features; the owner of this machine has a token then."""
    places, enter = Places(settings.data), entrance.enter
    records = await enter("records", Records(places.records, settings.records, alone=True))
    bus = await enter("bus", make_bus(settings.bus, places.bus, clock))
    audit = await enter("audit", AuditTrail(records, places.audit_key, clock))
    identity = await enter("identity", Identity(records, clock, places.token_keys, settings.identity, audit))
    await identity.ensure_local_token(places.token)
    return Ground(records, bus, audit, identity, BusView(bus, settings))


async def enter_store(entrance: Entrance, settings: Settings, clock: Clock) -> tuple[MetricStore, Relay]:
    """Enter the room that loads duckdb and numpy, which only a server pays for, and give what is told of its rows."""
    from nagare.metrics.store import MetricStore  # noqa: PLC0415  as it says

    made = MetricStore(Places(settings.data), settings.storage, settings.query, clock=clock, bucket=settings.bucket)
    store = await entrance.enter("store", made)
    return store, Relay(store, Hub(settings.server.connection_limit, settings.server.connection_queue_frames))


async def enter_upkeep(entrance: Entrance, records: Records, fleet: Fleet, clock: Clock) -> tuple[Maintenance, Notes]:
    """Enter what people say of hosts, and let the fleet tell it with a host."""
    maintenance = await entrance.enter("maintenance", Maintenance(records, clock, fleet.group_rules.of))
    notes = await entrance.enter("notes", Notes(records, clock))

    def why(host: Host) -> str:
        window = maintenance.in_maintenance(host, clock.now_ms())
        return "" if window is None else window.why

    fleet.why_in_maintenance, fleet.newest_note = why, notes.newest
    return maintenance, notes


async def enter_feeders(
    entrance: Entrance, settings: Settings, store: MetricStore, relay: Relay, clock: Clock
) -> tuple[Scraper, StatsdServer, Anomalies]:
    """Enter what brings samples without being asked, and what scores the rows that come."""
    from nagare.scrape.service import Scraper  # noqa: PLC0415  loads numpy, as the store does
    from nagare.statsd.service import StatsdServer  # noqa: PLC0415  as above

    scraper = await entrance.enter("scrape", Scraper(settings.scrape, store, clock, relay.event_happened))
    statsd = await entrance.enter("statsd", StatsdServer(settings.statsd, store, clock))
    watching = Anomalies(settings.anomalies, store, Places(settings.data).anomalies, clock)
    return scraper, statsd, await entrance.enter("anomalies", watching)


async def enter_alerts(
    entrance: Entrance, settings: Settings, records: Records, seen: AlertBook, clock: Clock
) -> tuple[Alerts, Acking]:
    """Enter the room of alerts, and below it the channels on which it tells people, and the links that these carry."""
    channels = await entrance.enter("channels", _open_channels(seen, clock))
    key_file = Places(settings.data).links_key
    links = await entrance.enter("links", AckLinks(records, key_file, settings.server.public_url, clock))
    ways = Ways(channels, links.url)
    alerts = await entrance.enter("alerts", Alerts(records, settings.alerts, seen, clock, ways))
    return alerts, make_acking(links, alerts)


async def enter_diagnoses(
    entrance: Entrance, settings: Settings, records: Records, book: DiagnosisBook, seen: AlertBook, clock: Clock
) -> tuple[KnowledgeBase, Diagnoses]:
    """Enter the knowledge base, and the room of diagnoses, which is told of the alerts that fire."""
    kb = await entrance.enter("kb", KnowledgeBase(records, settings.kb, settings.data, clock))
    diagnoses = await entrance.enter("diagnosis", Diagnoses(records, settings.diagnosis, book, clock))
    seen.on_event = partial(watch_alerts, diagnoses)
    return kb, diagnoses


async def enter_edge(
    entrance: Entrance, settings: Settings, ground: Ground, fleet: Fleet, clock: Clock
) -> tuple[RateLimits, Shells, Desks, Tunnels]:
    """Enter what stands nearest to callers: their limits, the book of shells, the dashboards of browsers, tunnels to hosts."""
    identity, record = ground.identity, ground.audit.record
    rates = await entrance.enter("rates", RateLimits(settings.limits, clock))
    desks = await entrance.enter("ui", Desks(settings, identity.passes, record, clock))
    tunnels = await entrance.enter("tunnels", Tunnels(settings.ssh, Holding(identity, fleet), record, clock))
    ended = identity.known.on_revoke

    def revoked(ids: set[str]) -> None:
        ended(ids)
        desks.end_principals(ids)
        tunnels.end_principals(ids)

    identity.known.on_revoke = revoked
    return rates, Shells(record, clock), desks, tunnels


def make_acking(links: AckLinks, alerts: Alerts) -> Acking:
    """Return what links do."""
    store, book = alerts.notifier.store, alerts.notifier.book

    async def alerts_of(incident_id: str) -> list[Alert]:
        incident = await store.find_incident(incident_id)
        told = {} if incident is None else incident.told
        return list((await store.find_alerts([one for one, word in told.items() if word == FIRING])).values())

    def channels() -> list[str]:
        return [channel.key for receiver in book.notifying.receivers.values() for channel in receiver.channels]

    return Acking(links, alerts.acknowledge, alerts_of, channels)


@asynccontextmanager
async def _open_channels(seen: AlertBook, clock: Clock) -> AsyncIterator[Channels]:
    channels = make_channels(clock, seen.event_happened)
    try:
        yield channels
    finally:
        await channels.close()


def make_schedules(settings: Settings, ground: Ground, tasks: Tasks, clock: Clock, book: CommandBook) -> Schedules:
    """Return the room of schedules."""
    return Schedules(ground.records, tasks, clock, settings.tasks, book.event_happened)


def make_tasks(settings: Settings, ground: Ground, commands: Commands, book: CommandBook, clock: Clock) -> Tasks:
    """Return the room of tasks; who follows one is let go when credentials are revoked."""
    rooms = Rooms(ground.identity, ground.audit, commands, book)
    neighbours = TaskBook(settings, rooms, clock)
    base = TaskGround(ground.records, ground.bus, clock, ground.bus_view.watch)
    tasks = Tasks(base, settings.tasks, neighbours)
    known = ground.identity.known
    ended = known.on_revoke

    def revoked(ids: set[str]) -> None:
        ended(ids)
        tasks.end_principals(ids)

    known.on_revoke = revoked
    return tasks


def make_updates(places: Places, records: Records, view: UpdateView, clock: Clock) -> Updates:
    """Return the room of bundles and rollouts."""
    return Updates(records, places.updates, places.updates_key, view, clock)


def make_commands(
    settings: Settings, records: Records, book: CommandBook, identity: Identity, clock: Clock
) -> Commands:
    """Return the room, with connections that end when credentials are revoked, and agents' when a host loses its grant."""
    history_seconds = settings.storage.retention_commands_seconds
    key_file = Places(settings.data).commands_key
    commands = Commands(records, key_file, settings.commands, book, clock, history_seconds)

    def revoked(ids: set[str]) -> None:
        book.relay.hub.end_principals(ids)
        commands.end_principals(ids)

    def changed(view: HostView, removed: bool) -> None:  # noqa: FBT001  as the relay tells it
        if removed or view.enrolment != "active" or "commands" not in view.capabilities:
            commands.agents.end_host(view.id, "the host may take no commands any more")

    identity.known.on_revoke, book.relay.on_host = revoked, changed
    return commands


def show_records(store: MetricStore, *tables: Iterable[RecordTable]) -> None:
    """Let SQL see ``tables`` of records."""
    for some in tables:
        for table in some:
            store.register_records(table)
