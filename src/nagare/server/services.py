"""What routes may use: one frozen record that ``compose`` fills; no globals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from nagare import __version__
from nagare.alerting.notify.acking import Acking
from nagare.alerting.service import Alerts
from nagare.audit.service import AuditTrail
from nagare.automation.schedules.service import Schedules
from nagare.automation.tasks.service import Tasks
from nagare.bus.protocol import Bus
from nagare.commands.service import Commands
from nagare.config.settings import Settings
from nagare.diagnosis.anomalies.service import Anomalies
from nagare.diagnosis.kb.service import KnowledgeBase
from nagare.diagnosis.service import Diagnoses
from nagare.fleet.gaps.service import Gaps
from nagare.fleet.maintenance.service import Maintenance
from nagare.fleet.notes.service import Notes
from nagare.fleet.service import Fleet
from nagare.identity.oidc.links import Links
from nagare.identity.oidc.service import OidcLogin
from nagare.identity.service import Identity
from nagare.identity.shells.service import Shells
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.principal import Principal
from nagare.records.engine import Records
from nagare.server.agent_files import AgentFiles
from nagare.server.bodies import BodyReader
from nagare.server.bus_view import BusView
from nagare.server.finisher import Finisher
from nagare.server.foreign.senders import Senders
from nagare.server.hot.crowd import Crowd
from nagare.server.hot.heads import KnownHeads
from nagare.server.hub import Hub
from nagare.server.ingest_limits import IngestLimits
from nagare.server.live.newest import NewestBatches
from nagare.server.live.queues import AgentQueues
from nagare.server.running.listen import Listen
from nagare.server.running.served import Served
from nagare.server.tunnels.tunnels import Tunnels
from nagare.server.ui.desks import Desks
from nagare.updates.service import Updates

if TYPE_CHECKING:
    # The store loads duckdb and numpy, what feeds it numpy; only compose pays for that.
    from nagare.metrics.store import MetricStore
    from nagare.scrape.service import Scraper
    from nagare.server.rates.service import RateLimits
    from nagare.statsd.service import StatsdServer


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running server."""

    settings: Settings
    clock: Clock
    listen: Listen
    store: MetricStore
    scraper: Scraper
    statsd: StatsdServer
    fleet: Fleet
    gaps: Gaps
    maintenance: Maintenance
    notes: Notes
    identity: Identity
    oidc: OidcLogin
    links: Links
    audit: AuditTrail
    records: Records
    bus: Bus
    bus_view: BusView
    updates: Updates
    commands: Commands
    tasks: Tasks
    schedules: Schedules
    alerts: Alerts
    anomalies: Anomalies
    shells: Shells
    desks: Desks
    tunnels: Tunnels
    acking: Acking
    kb: KnowledgeBase
    diagnoses: Diagnoses
    agent_files: AgentFiles
    hub: Hub
    bodies: BodyReader
    crowd: Crowd
    limits: IngestLimits
    rates: RateLimits
    senders: Senders
    finisher: Finisher
    started_ms: int
    started: float
    certificate: Served | None = None
    version: str = __version__
    newest: NewestBatches = field(default_factory=NewestBatches)
    queues: AgentQueues = field(default_factory=AgentQueues)
    heads: KnownHeads = field(default_factory=KnownHeads)
    counters: Counters = field(default_factory=Counters)


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
# The generation of the rights under which the caller was let in: what was decided of it holds for that one alone.
GENERATION: web.RequestKey[int] = web.RequestKey("generation", int)
ANONYMOUS = Principal(id="", name="anonymous")
