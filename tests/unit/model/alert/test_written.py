"""A rule as a file says it is read again as the same rule, as plain values and as TOML."""

import tomllib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nagare.config.alert_rules.load import shipped_rules
from nagare.config.alert_rules.write import rules_toml
from nagare.model.alert.definition import parse_rule, parse_rules
from nagare.model.alert.rule import COMPARISONS, Comparison, NoData, Rule
from nagare.model.alert.written import written
from nagare.model.event import Severity

_BOUNDS = st.floats(allow_nan=False, allow_infinity=False)
_COMPARISONS = st.builds(Comparison, st.sampled_from(sorted(COMPARISONS)), _BOUNDS)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=30)
_TABLES = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True), _TEXTS, max_size=3)


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    fires = draw(st.none() | _COMPARISONS)
    severity_from = draw(st.sampled_from(["", "how_bad"]))
    details = (*draw(st.lists(_TEXTS, max_size=2)), *filter(None, (severity_from,)))
    return Rule(
        name=draw(st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)),
        group=draw(_TEXTS),
        sql="SELECT 1\n" + draw(_TEXTS) + "x",
        window_seconds=draw(st.floats(1.0, 31 * 86_400.0)),
        every_seconds=draw(st.sampled_from([5.0, 30.0, 90.0, 86_400.0, 5.25])),
        severity=draw(st.sampled_from(Severity)),
        fires=fires,
        resolves=None if fires is None else draw(st.none() | _COMPARISONS),
        for_seconds=draw(st.floats(0.0, 7 * 86_400.0)),
        keep_firing_seconds=draw(st.sampled_from([0.0, 60.0])),
        reopen_seconds=draw(st.sampled_from([0.0, 600.0, 1.5])),
        no_data=draw(st.sampled_from(NoData)),
        labels=draw(_TABLES),
        annotations=draw(_TABLES),
        details=details,
        severity_from=severity_from,
        text=draw(_TEXTS),
        guide=draw(_TEXTS),
        origin="x.toml",
    )


@given(_rules())
def test_what_is_written_is_read_as_the_same_rule(rule: Rule) -> None:
    said = written(rule)
    assert parse_rule(said, "x.toml") == rule
    assert parse_rules(tomllib.loads(rules_toml([said])), "x.toml").rules == (rule,)
    assert written(parse_rule(said, "x.toml")) == said


def test_every_shipped_rule_stays_what_it_is() -> None:
    rules = shipped_rules().rules
    text = rules_toml(written(rule) for rule in rules.values())
    found = {rule.name: rule for rule in parse_rules(tomllib.loads(text), "x.toml").rules}
    assert found == {name: replace(rule, origin="x.toml") for name, rule in rules.items()}


def test_what_goes_without_saying_is_left_out() -> None:
    rule = parse_rule({"name": "Down", "sql": "SELECT host FROM hosts", "severity": "high", "every": "30s"}, "x.toml")
    assert written(rule) == {"name": "Down", "sql": "SELECT host FROM hosts", "severity": "high"}
    assert written(replace(rule, window_seconds=5400.0, for_seconds=0.5))["window"] == "90m"
