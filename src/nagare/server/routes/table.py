"""All routes of the server: the one list from which router and OpenAPI document are made."""

from __future__ import annotations

from nagare.server.route import Route
from nagare.server.routes import (
    api_keys,
    audit,
    auth,
    cardinality,
    events,
    exposition,
    hosts,
    influx,
    ingest,
    live,
    metrics,
    openapi,
    otlp,
    remote_write,
    roles,
    sessions,
    sql,
    system,
    tables,
    targets,
    tickets,
    users,
)

ROUTES: tuple[Route, ...] = (
    *system.ROUTES,
    *metrics.ROUTES,
    *ingest.ROUTES,
    *remote_write.ROUTES,
    *otlp.ROUTES,
    *exposition.ROUTES,
    *influx.ROUTES,
    *events.ROUTES,
    *hosts.ROUTES,
    *sql.ROUTES,
    *tables.ROUTES,
    *cardinality.ROUTES,
    *targets.ROUTES,
    *tickets.ROUTES,
    *auth.ROUTES,
    *users.ROUTES,
    *roles.ROUTES,
    *sessions.ROUTES,
    *api_keys.ROUTES,
    *audit.ROUTES,
    *live.ROUTES,
    *openapi.ROUTES,
)
