"""A rule as a file says it: the plain values from which it is read again as the same rule. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nagare.model.alert.rule import NoData, Rule

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
# What is as it would be without being said is left out.
_DEFAULTS: Mapping[str, Any] = {
    "text": "",
    "group": "default",
    "window": "5m",
    "every": "30s",
    "fires": "",
    "resolves": "",
    "for": "0s",
    "keep_firing_for": "0s",
    "reopen_within": "10m",
    "severity_from": "",
    "no_data": NoData.RESOLVE.value,
    "details": [],
    "labels": {},
    "annotations": {},
    "guide": "",
}


def written(rule: Rule) -> dict[str, Any]:
    """Return the fields of ``rule``, texts and tables of texts only, in the order in which people read them."""
    # The column of the severity is one of the details by being named.
    details = rule.details[:-1] if rule.severity_from else rule.details
    found: dict[str, Any] = {
        "name": rule.name,
        "text": rule.text,
        "group": rule.group,
        "sql": rule.sql,
        "window": _duration(rule.window_seconds),
        "every": _duration(rule.every_seconds),
        "fires": "" if rule.fires is None else str(rule.fires),
        "resolves": "" if rule.resolves is None else str(rule.resolves),
        "for": _duration(rule.for_seconds),
        "keep_firing_for": _duration(rule.keep_firing_seconds),
        "reopen_within": _duration(rule.reopen_seconds),
        "severity": rule.severity.name.lower(),
        "severity_from": rule.severity_from,
        "no_data": rule.no_data.value,
        "details": list(details),
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
        "guide": rule.guide,
    }
    return {key: value for key, value in found.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}


def _duration(seconds: float) -> str:
    if not seconds.is_integer():
        return repr(seconds)
    whole = int(seconds)
    name, size = next(unit for unit in _UNITS if whole % unit[1] == 0 and (whole or unit[0] == "s"))
    return f"{whole // size}{name}"
