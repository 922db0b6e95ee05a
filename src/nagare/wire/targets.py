"""Scrape targets over HTTP: what is pulled, and how each does."""

from __future__ import annotations

import msgspec


class TargetView(msgspec.Struct, frozen=True):
    """A target as people see it; times are RFC 3339. ``state``: up, down, unknown (not scraped yet)."""

    job: str
    instance: str
    url: str
    state: str
    interval_seconds: float
    last_scrape_at: str | None
    duration_seconds: float
    samples: int
    refused: int
    error: str
    scrapes: int
    failures: int
    missed: int
    labels: dict[str, str] = {}


class TargetList(msgspec.Struct, frozen=True):
    """``GET /api/v1/targets``: targets, by job and URL."""

    targets: list[TargetView]
