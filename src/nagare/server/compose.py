"""Puts the rooms together: the one place that knows all of them and the order in which they start and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from nagare import __version__
from nagare.audit.service import AuditTrail
from nagare.audit.tables import audit_table
from nagare.bundles.own import OwnFiles
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.fleet.gaps.service import Gaps
from nagare.fleet.gaps.tables import gaps_table
from nagare.fleet.groups import Groups
from nagare.fleet.maintenance.service import Maintenance
from nagare.fleet.notes.service import Notes
from nagare.fleet.service import Fleet
from nagare.fleet.tables import hosts_table
from nagare.identity.oidc.links import Links
from nagare.identity.oidc.provider import Provider
from nagare.identity.oidc.service import OidcLogin
from nagare.identity.oidc.store import ForeignIdentityStore
from nagare.identity.service import Identity
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import Job, TaskSupervisor
from nagare.model.columns import RecordTable
from nagare.model.host import Host
from nagare.records.engine import Records
from nagare.server.agent_files import AgentFiles
from nagare.server.bodies import BodyReader
from nagare.server.finisher import Finisher
from nagare.server.foreign.senders import Senders
from nagare.server.hot.heads import KnownHeads
from nagare.server.hub import Hub
from nagare.server.ingest_limits import IngestLimits
from nagare.server.live.newest import NewestBatches
from nagare.server.live.relay import Relay
from nagare.server.live.stored_ticks import StoredTicks
from nagare.server.rates.service import RateLimits
from nagare.server.running.bounded import Bounded
from nagare.server.running.listen import Listen
from nagare.server.running.served import Served
from nagare.server.services import Services
from nagare.server.update_view import UpdateView
from nagare.updates.service import Updates

if TYPE_CHECKING:
    from nagare.metrics.store import MetricStore

_T = TypeVar("_T")


@asynccontextmanager
async def composed(
    settings: Settings, listen: Listen, clock: Clock, certificate: Served | None = None
) -> AsyncIterator[Services]:
    """Start every room, give the services, and stop the rooms in the opposite order, each within its deadline."""
    from nagare.metrics.store import MetricStore  # noqa: PLC0415  loads duckdb and numpy
    from nagare.scrape.service import Scraper  # noqa: PLC0415  loads numpy
    from nagare.statsd.service import StatsdServer  # noqa: PLC0415  loads numpy

    places, stop_seconds = Places(settings.data), settings.server.stop_seconds
    async with AsyncExitStack() as stack:

        async def enter(name: str, room: AbstractAsyncContextManager[_T]) -> _T:
            return await stack.enter_async_context(Bounded(name, room, stop_seconds))

        records = await enter("records", Records(places.records, settings.records, alone=True))
        audit = await enter("audit", AuditTrail(records, places.audit_key, clock))
        identity = await enter("identity", Identity(records, clock, places.token_keys, settings.identity, audit))
        await identity.ensure_local_token(places.token)
        provider, elsewhere = await enter("oidc", Provider(settings.oidc, clock)), ForeignIdentityStore(records)
        store = await enter(
            "store", MetricStore(places, settings.storage, settings.query, clock=clock, bucket=settings.bucket)
        )
        hub = Hub(settings.server.connection_limit, settings.server.connection_queue_frames)
        identity.known.on_revoke = hub.end_principals
        relay = Relay(store, hub)
        fleet = await enter("fleet", Fleet(records, identity, relay, clock, Groups(settings.fleet.groups)))
        maintenance = await enter("maintenance", Maintenance(records, clock, fleet.group_rules.of))
        notes = await enter("notes", Notes(records, clock))
        _tell_more(fleet, maintenance, notes, clock)
        gaps = await enter("gaps", Gaps(records, StoredTicks(store).find, clock, fleet.host_ids))
        _show_records(store, (hosts_table(fleet, clock), gaps_table(gaps, fleet, clock), audit_table(audit)))
        updates = await enter(
            "updates", Updates(records, places.updates, places.updates_key, UpdateView(fleet, store), clock)
        )
        agent_files = await enter("bundles", AgentFiles(updates.publishing, OwnFiles(places.own_agent, clock)))
        rates, bodies = (
            await enter("rates", RateLimits(settings.limits, clock)),
            await enter("bodies", BodyReader(settings.server)),
        )
        scraper = await enter("scrape", Scraper(settings.scrape, store, clock, relay.event_happened))
        statsd = await enter("statsd", StatsdServer(settings.statsd, store, clock))
        # The last to start and the first to stop: what they work on stands below them.
        tasks = await enter("tasks", TaskSupervisor(clock=clock, stop_seconds=stop_seconds))
        _supervise_all(
            tasks,
            {"store": store.run, "fleet": fleet.run, "gaps": gaps.run, "identity": identity.run, "audit": audit.run},
            {"scrape": scraper.run, "statsd": statsd.run, "updates": updates.run},
        )
        yield Services(
            settings=settings,
            clock=clock,
            listen=listen,
            store=store,
            scraper=scraper,
            statsd=statsd,
            fleet=fleet,
            gaps=gaps,
            maintenance=maintenance,
            notes=notes,
            identity=identity,
            oidc=OidcLogin(provider, elsewhere, identity.users, identity.sessions, clock),
            links=Links(elsewhere, identity.users, identity.sessions, clock),
            audit=audit,
            records=records,
            updates=updates,
            agent_files=agent_files,
            hub=hub,
            bodies=bodies,
            limits=IngestLimits(settings.server, clock),
            rates=rates,
            senders=Senders(store.series),
            finisher=Finisher(tasks),
            newest=NewestBatches(),
            heads=KnownHeads(),
            counters=Counters(),
            version=__version__,
            started_ms=clock.now_ms(),
            started=clock.monotonic(),
            certificate=certificate,
        )


def _show_records(store: MetricStore, tables: Iterable[RecordTable]) -> None:
    for table in tables:
        store.register_records(table)


def _supervise_all(tasks: TaskSupervisor, *tables: Mapping[str, Job]) -> None:
    for table in tables:
        for name, run in table.items():
            tasks.supervise(name, run)


def _tell_more(fleet: Fleet, maintenance: Maintenance, notes: Notes, clock: Clock) -> None:
    """Let the fleet tell with a host what other rooms know of it."""

    def why(host: Host) -> str:
        window = maintenance.in_maintenance(host, clock.now_ms())
        return "" if window is None else window.why

    fleet.why_in_maintenance, fleet.newest_note = why, notes.newest
