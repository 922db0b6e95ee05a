"""Rules as they are told over HTTP. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nagare.alerting.rules.judge import Standing
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.kept import KeptRule
from nagare.model.alert.rule import NoData, Rule, RuleOrigin
from nagare.wire.alerts import RuleView


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule comes from; ``kept`` is what the records have of one by the API, ``definition`` the fields that are to be told."""

    origin: RuleOrigin
    kept: KeptRule | None = None
    definition: Mapping[str, Any] = field(default_factory=dict)


def rule_view(rule: Rule, place: Place, standing: Standing | None, pending: int, firing: int) -> RuleView:
    """Return a rule as callers see it, with where it comes from, how it does and how many alerts it has."""
    one = standing or Standing()
    return RuleView(
        name=rule.name,
        group=rule.group,
        sql=rule.sql,
        severity=int(rule.severity),
        window_seconds=rule.window_seconds,
        every_seconds=rule.every_seconds,
        for_seconds=rule.for_seconds,
        keep_firing_seconds=rule.keep_firing_seconds,
        reopen_seconds=rule.reopen_seconds,
        fires="" if rule.fires is None else str(rule.fires),
        resolves="" if rule.resolves is None else str(rule.resolves),
        no_data=rule.no_data.value,
        labels=dict(rule.labels),
        annotations=dict(rule.annotations),
        text=rule.text,
        guide=rule.guide,
        origin=rule.origin,
        health=_health(rule, standing),
        fault=one.fault,
        judged_at=format_ms(one.at_ms) if one.at_ms else "",
        delay_seconds=round(one.delay_seconds, 3),
        took_seconds=round(one.took_seconds, 6),
        rows=one.rows,
        pending=pending,
        firing=firing,
        details=list(rule.details),
        severity_from=rule.severity_from,
        origin_kind=place.origin.value,
        revision=None if place.kept is None else place.kept.revision,
        changed_by="" if place.kept is None else place.kept.changed_by,
        changed_at="" if place.kept is None else format_ms(place.kept.changed_ms),
        definition=dict(place.definition),
    )


def _health(rule: Rule, standing: Standing | None) -> str:
    if standing is None or not standing.at_ms:
        return "waiting"
    if standing.fault:
        return "failing"
    return "no-data" if rule.no_data is not NoData.RESOLVE and not standing.rows else "ok"
