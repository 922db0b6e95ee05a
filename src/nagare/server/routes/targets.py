"""Scrape targets: what is pulled, and how each does."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.targets import TargetList


async def list_targets(call: Call) -> TargetList:
    """Return every target, by job and URL."""
    return TargetList(call.services.scraper.views())


ROUTES = (
    Route("GET", "/api/v1/targets", list_targets, "Every scrape target", Permission.SYSTEM_READ, reply=TargetList),
)
