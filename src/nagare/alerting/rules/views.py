"""Rules as they are told over HTTP. Pure."""

from __future__ import annotations

from nagare.alerting.rules.judge import Standing
from nagare.lib.rfc3339 import format_ms
from nagare.model.alert.rule import NoData, Rule
from nagare.wire.alerts import RuleView


def rule_view(rule: Rule, standing: Standing | None, pending: int, firing: int) -> RuleView:
    """Return a rule as callers see it, with how it does and how many alerts it has."""
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
    )


def _health(rule: Rule, standing: Standing | None) -> str:
    if standing is None or not standing.at_ms:
        return "waiting"
    if standing.fault:
        return "failing"
    return "no-data" if rule.no_data is not NoData.RESOLVE and not standing.rows else "ok"
