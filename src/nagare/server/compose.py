"""Puts the rooms together: the one place that knows all of them and the order in which they start and stop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from nagare.alerting.service import Alerts
from nagare.alerting.tables import alerting_tables
from nagare.audit.service import AuditTrail
from nagare.audit.tables import audit_table
from nagare.automation.schedules.service import Schedules
from nagare.automation.tables import automation_tables
from nagare.automation.tasks.service import Tasks
from nagare.bundles.own import OwnFiles
from nagare.commands.service import Commands
from nagare.commands.tables import commands_table
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.diagnosis.service import Diagnoses
from nagare.diagnosis.tables import diagnoses_table
from nagare.fleet.gaps.service import Gaps
from nagare.fleet.gaps.tables import gaps_table
from nagare.fleet.groups import Groups
from nagare.fleet.service import Fleet
from nagare.fleet.tables import hosts_table
from nagare.identity.oidc.links import Links
from nagare.identity.oidc.provider import Provider
from nagare.identity.oidc.service import OidcLogin
from nagare.identity.oidc.store import ForeignIdentityStore
from nagare.lib.clock import Clock
from nagare.lib.tasks import Job, TaskSupervisor
from nagare.model.columns import RecordTable
from nagare.server.agent_files import AgentFiles
from nagare.server.alert_book import AlertBook
from nagare.server.bodies import BodyReader
from nagare.server.command_book import CommandBook
from nagare.server.diagnosis_book import DiagnosisBook
from nagare.server.finisher import Finisher
from nagare.server.foreign.senders import Senders
from nagare.server.hot.crowd import Crowd
from nagare.server.ingest_limits import IngestLimits
from nagare.server.joints import (
    enter_alerts,
    enter_diagnoses,
    enter_edge,
    enter_feeders,
    enter_store,
    enter_upkeep,
    make_commands,
    make_schedules,
    make_tasks,
    make_updates,
    open_ground,
    show_records,
)
from nagare.server.live.stored_ticks import StoredTicks
from nagare.server.running.bounded import Entrance
from nagare.server.running.listen import Listen
from nagare.server.running.served import Served
from nagare.server.services import Services
from nagare.server.update_view import UpdateView


@asynccontextmanager
async def composed(
    settings: Settings, listen: Listen, clock: Clock, certificate: Served | None = None
) -> AsyncIterator[Services]:
    """Start every room, give the services, and stop the rooms in the opposite order, each within its deadline."""
    places, stop_seconds = Places(settings.data), settings.server.stop_seconds
    async with AsyncExitStack() as stack:
        entrance = Entrance(stack, stop_seconds)
        enter, ground = entrance.enter, await open_ground(entrance, settings, clock)
        records, audit, identity = ground.records, ground.audit, ground.identity
        provider = await enter("oidc", Provider(settings.oidc, clock))
        store, relay = await enter_store(entrance, settings, clock)
        fleet = await enter("fleet", Fleet(records, identity, relay, clock, Groups(settings.fleet.groups)))
        maintenance, notes = await enter_upkeep(entrance, records, fleet, clock)
        gaps = await enter("gaps", Gaps(records, StoredTicks(store).find, clock, fleet.host_ids))
        book = CommandBook(fleet, store, relay)
        commands = await enter("commands", make_commands(settings, records, book, identity, clock))
        bodies = await enter("bodies", BodyReader(settings.server))
        work = await enter("automation", make_tasks(settings, ground, commands, book, clock))
        plan = make_schedules(settings, ground, work, clock, book)
        seen = AlertBook(store, fleet, maintenance, relay, clock)
        alerts, acking = await enter_alerts(entrance, settings, records, seen, clock)
        kb, diagnoses = await enter_diagnoses(entrance, settings, records, DiagnosisBook(store, alerts), seen, clock)
        show_records(store, _tables(fleet, gaps, audit, commands, clock), _more_tables(work, plan, alerts, diagnoses))
        updates = await enter("updates", make_updates(places, records, UpdateView(fleet, store), clock))
        agent_files = await enter("bundles", AgentFiles(updates.publishing, OwnFiles(places.own_agent, clock)))
        scraper, statsd, anomalies = await enter_feeders(entrance, settings, store, relay, clock)
        rates, shells, desks, tunnels = await enter_edge(entrance, settings, ground, fleet, clock)
        # The last to start and the first to stop: what they work on stands below them.
        tasks = await enter("tasks", TaskSupervisor(clock=clock, stop_seconds=stop_seconds))
        _supervise_all(
            tasks,
            {"store": store.run, "fleet": fleet.run, "gaps": gaps.run, "identity": identity.run, "ui": desks.run},
            {"scrape": scraper.run, "statsd": statsd.run, "updates": updates.run, "commands": commands.run},
            {"bus": ground.bus.run, "audit": audit.run, "schedules": plan.run, "alerts": alerts.run, "kb": kb.run},
            {"anomalies": anomalies.run, "automation": work.run, "shells": shells.run, "diagnosis": diagnoses.run},
            {"tunnels": tunnels.run},
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
            oidc=OidcLogin(provider, ForeignIdentityStore(records), identity.users, identity.sessions, clock),
            links=Links(ForeignIdentityStore(records), identity.users, identity.sessions, clock),
            audit=audit,
            records=records,
            bus=ground.bus,
            bus_view=ground.bus_view,
            updates=updates,
            commands=commands,
            tasks=work,
            schedules=plan,
            alerts=alerts,
            anomalies=anomalies,
            acking=acking,
            kb=kb,
            shells=shells,
            desks=desks,
            tunnels=tunnels,
            diagnoses=diagnoses,
            agent_files=agent_files,
            hub=relay.hub,
            bodies=bodies,
            crowd=Crowd(settings.server.intake_limit),
            limits=IngestLimits(settings.server, clock),
            rates=rates,
            senders=Senders(store.series),
            finisher=Finisher(tasks),
            started_ms=clock.now_ms(),
            started=clock.monotonic(),
            certificate=certificate,
        )


def _tables(fleet: Fleet, gaps: Gaps, audit: AuditTrail, commands: Commands, clock: Clock) -> tuple[RecordTable, ...]:
    return (
        hosts_table(fleet, clock),
        gaps_table(gaps, fleet, clock),
        audit_table(audit),
        commands_table(commands.store),
    )


def _more_tables(work: Tasks, plan: Schedules, alerts: Alerts, diagnoses: Diagnoses) -> tuple[RecordTable, ...]:
    return (*automation_tables(work, plan), *alerting_tables(alerts), diagnoses_table(diagnoses.store))


def _supervise_all(tasks: TaskSupervisor, *tables: Mapping[str, Job]) -> None:
    for table in tables:
        for name, run in table.items():
            tasks.supervise(name, run)
