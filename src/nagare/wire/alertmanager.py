"""Alerts as Alertmanager, Grafana and Prometheus send them; unknown keys are left alone."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

ALERTS_LIMIT = 10_000
Labels = dict[str, str]


class AlertmanagerAlert(msgspec.Struct, rename="camel"):
    """One alert of a webhook; the last four are Grafana's."""

    labels: Labels
    annotations: Labels = {}
    status: str = "firing"
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str = msgspec.field(default="", name="generatorURL")
    fingerprint: str = ""
    # Grafana's.
    silence_url: str = msgspec.field(default="", name="silenceURL")
    dashboard_url: str = msgspec.field(default="", name="dashboardURL")
    panel_url: str = msgspec.field(default="", name="panelURL")
    value_string: str = ""


class AlertmanagerWebhook(msgspec.Struct, rename="camel"):
    """The body of a webhook; ``org_id`` is Grafana's."""

    alerts: Annotated[list[AlertmanagerAlert], msgspec.Meta(max_length=ALERTS_LIMIT)]
    version: str = ""
    receiver: str = ""
    external_url: str = msgspec.field(default="", name="externalURL")
    truncated_alerts: int = 0
    org_id: Any = None


class PostedAlert(msgspec.Struct, rename="camel"):
    """One alert of ``POST /api/v2/alerts``."""

    labels: Labels
    annotations: Labels = {}
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str = msgspec.field(default="", name="generatorURL")
