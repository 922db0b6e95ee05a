"""From the plain values of a rule file to rules; every fault is found at once and points at its place. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nagare.errors import InputError
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.matcher import Matcher, parse_matchers
from nagare.model.alert.monitor import Monitor, MonitorKind, parse_monitor
from nagare.model.alert.promql_shape import WAY_OUT, is_promql
from nagare.model.alert.rule import COMPARISONS, Comparison, NoData, Rule
from nagare.model.alert.template import check_template
from nagare.model.alert.webhook import Webhook, parse_webhook
from nagare.model.fields import Faults, Fields

NAME_LIMIT = 64
SQL_LIMIT = 20_000
LABELS_LIMIT = 32
TEXT_LIMIT = 1000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
# A rule says these itself; a label of that name would say something else.
RESERVED = frozenset({"alertname", "severity"})
_DAY = 86_400.0


class Named(Protocol):
    """What is known by a name."""

    @property
    def name(self) -> str:
        """The name."""
        ...


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What one file defines."""

    rules: tuple[Rule, ...]
    inhibitions: tuple[Inhibition, ...]
    webhooks: tuple[Webhook, ...] = ()
    monitors: tuple[Monitor, ...] = ()


def parse_rules(tables: Mapping[str, Any], what: str) -> RuleFile:
    """Return what a file named ``what`` defines. Raises InputError with a pointer at every fault."""
    faults = Faults(f"rules of {what}")
    fields = Fields(tables, "", faults)
    rules = tuple(_rule(one, what) for one in fields.tables("rule"))
    inhibitions = tuple(_inhibition(one) for one in fields.tables("inhibit"))
    webhooks = tuple(parse_webhook(one, what) for one in fields.tables("webhook"))
    monitors = {kind: tuple(parse_monitor(one, kind, what) for one in fields.tables(kind)) for kind in MonitorKind}
    fields.finish()
    named: Mapping[str, Sequence[Named]] = {"rule": rules, "inhibit": inhibitions, "webhook": webhooks}
    named = {**named, **{kind.value: found for kind, found in monitors.items()}}
    for key, tables_of in named.items():
        names = [one.name for one in tables_of]
        for place, name in enumerate(names):
            if name in names[:place]:
                faults.add(f"{key}.{place}.name", f"{name} is there already")
    faults.refuse()
    return RuleFile(rules, inhibitions, webhooks, tuple(one for kind in MonitorKind for one in monitors[kind]))


def parse_rule(table: Mapping[str, Any], origin: str) -> Rule:
    """Return the rule that ``table`` says, read as one of a file. Raises InputError with a pointer at every fault."""
    faults = Faults("rule")
    rule = _rule(Fields(table, "rule", faults), origin)
    faults.refuse()
    return rule


def _inhibition(fields: Fields) -> Inhibition:
    found = Inhibition(
        _name(fields),
        _matchers(fields, "sources"),
        _matchers(fields, "targets"),
        fields.texts("equal"),
        fields.flag("foreign_sources"),
    )
    fields.finish()
    return found


def _matchers(fields: Fields, key: str) -> tuple[Matcher, ...]:
    try:
        return parse_matchers(fields.texts(key))
    except InputError as error:
        fields.fault(key, error.message)
        return ()


def _rule(fields: Fields, origin: str) -> Rule:
    severity_from = fields.text("severity_from", "")
    rule = Rule(
        name=_name(fields),
        group=fields.text("group", "default"),
        sql=_sql(fields),
        window_seconds=fields.seconds("window", "5m", 1.0, 31 * _DAY),
        every_seconds=fields.seconds("every", "30s", 5.0, _DAY),
        severity=fields.severity("severity"),
        fires=_comparison(fields, "fires"),
        resolves=_comparison(fields, "resolves"),
        for_seconds=fields.seconds("for", "0s", 0.0, 7 * _DAY),
        keep_firing_seconds=fields.seconds("keep_firing_for", "0s", 0.0, 7 * _DAY),
        reopen_seconds=fields.seconds("reopen_within", "10m", 0.0, 7 * _DAY),
        no_data=fields.choice("no_data", NoData, NoData.RESOLVE),
        labels=_texts(fields, "labels"),
        annotations=_texts(fields, "annotations"),
        details=(*fields.texts("details"), *filter(None, (severity_from,))),
        severity_from=severity_from,
        text=fields.text("text", "")[:TEXT_LIMIT],
        guide=fields.text("guide", ""),
        origin=origin,
    )
    if rule.resolves is not None and rule.fires is None:
        fields.fault("resolves", "needs fires: without it every row fires")
    if fields.raw("expr") is not None:
        fields.fault("expr", f"is a field of Prometheus: here it is sql, {WAY_OUT}")
    fields.finish()
    return rule


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if name and _NAME.fullmatch(name) is None:
        fields.fault("name", f"must be letters, digits, dot, hyphen and underscore, {NAME_LIMIT} at the most")
    return name


def _sql(fields: Fields) -> str:
    sql = fields.text("sql").strip()
    if len(sql) > SQL_LIMIT:
        fields.fault("sql", f"has {len(sql)} characters, {SQL_LIMIT} at the most")
    elif is_promql(sql):
        fields.fault("sql", f"is PromQL, which rules do not speak yet: write it as {WAY_OUT}")
    return sql


def _comparison(fields: Fields, key: str) -> Comparison | None:
    given = fields.text(key, "")
    if not given:
        return None
    sign, _, bound = given.strip().partition(" ")
    try:
        found = Comparison(sign, float(bound))
    except ValueError:
        found = None
    if found is None or sign not in COMPARISONS or not math.isfinite(found.bound):
        fields.fault(key, f"must be one of {', '.join(COMPARISONS)}, a space and a number, such as > 0.9")
        return None
    return found


def _texts(fields: Fields, key: str) -> Mapping[str, str]:
    table = fields.table(key)
    if len(table) > LABELS_LIMIT:
        fields.fault(key, f"has {len(table)} entries, {LABELS_LIMIT} at the most")
    for name, text in table.items():
        place = f"{key}.{name}"
        if _LABEL.fullmatch(name) is None:
            fields.fault(place, "must be named by letters, digits and underscore, 63 at the most")
        elif key == "labels" and name in RESERVED:
            fields.fault(place, "is what the rule says itself")
        if not isinstance(text, str) or len(text) > TEXT_LIMIT:
            fields.fault(place, f"must be a text of {TEXT_LIMIT} characters at the most")
        elif fault := check_template(text):
            fields.fault(place, fault)
    return {name: text for name, text in table.items() if isinstance(text, str)}
