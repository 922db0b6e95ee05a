"""What other systems answer when we ask them for their alerts; unknown keys are left alone."""

from __future__ import annotations

from datetime import datetime

import msgspec


class ZabbixTag(msgspec.Struct):
    """A tag of a problem."""

    tag: str = ""
    value: str = ""


class ZabbixProblem(msgspec.Struct):
    """One of ``problem.get``; every number is a text."""

    eventid: str
    objectid: str
    name: str = ""
    severity: str = "0"
    clock: str = "0"
    acknowledged: str = "0"
    opdata: str = ""
    tags: list[ZabbixTag] = []


class ZabbixHost(msgspec.Struct):
    """One of ``host.get``."""

    host: str = ""


class ZabbixTrigger(msgspec.Struct):
    """One of ``trigger.get``."""

    triggerid: str
    hosts: list[ZabbixHost] = []


class ZabbixEnd(msgspec.Struct):
    """One of ``event.get``: the event that ended it, 0 where none did."""

    eventid: str
    r_eventid: str = "0"


class PrometheusAlert(msgspec.Struct):
    """One alert as ``/api/v1/alerts`` tells it."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str = ""


class PrometheusAlerts(msgspec.Struct):
    """The data of ``/api/v1/alerts``."""

    alerts: list[PrometheusAlert]


class PrometheusTarget(msgspec.Struct):
    """One of the targets."""

    health: str = ""


class PrometheusTargets(msgspec.Struct, rename="camel"):
    """The data of ``/api/v1/targets``."""

    active_targets: list[PrometheusTarget] = []


class PrometheusRuntime(msgspec.Struct, rename="camel"):
    """The data of ``/api/v1/status/runtimeinfo``."""

    start_time: datetime


class PrometheusAnswer(msgspec.Struct):
    """What stands around all of them."""

    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
