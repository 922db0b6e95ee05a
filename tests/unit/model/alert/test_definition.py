"""Rule files: every fault is pointed at, and nothing that TOML can say is more than a fault."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.alert.definition import parse_rules
from nagare.model.alert.rule import NoData, Rule
from nagare.model.event import Severity

RULE: dict[str, Any] = {
    "name": "Full",
    "sql": "SELECT host, used AS value FROM disk",
    "severity": "high",
    "fires": "> 0.9",
}
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes()
    | st.dates()
    | st.times()
)
_KEYS = st.sampled_from(
    [
        "name",
        "sql",
        "severity",
        "severity_from",
        "fires",
        "resolves",
        "window",
        "every",
        "for",
        "keep_firing_for",
        "reopen_within",
        "no_data",
        "labels",
        "annotations",
        "details",
        "group",
        "text",
        "guide",
        "sources",
        "targets",
        "equal",
        "rule",
        "inhibit",
    ]
) | st.text(max_size=10)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5), max_leaves=12
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_whatever_stands_in_a_file_it_is_rules_or_faults(tables: dict[str, Any]) -> None:
    faults = _faults_of(tables)
    assert all(fault["pointer"].startswith("#/") and fault["detail"] for fault in faults)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.sampled_from(["rule", "inhibit"]))
def test_whatever_stands_in_a_rule_it_is_one_or_faults(fields: dict[str, Any], key: str) -> None:
    base = RULE if key == "rule" else {"name": "i", "sources": ["a=b"], "targets": ["c=d"]}
    assert all(fault["pointer"].startswith(f"#/{key}") for fault in _faults_of({key: [{**base, **fields}]}))


def _faults_of(tables: dict[str, Any]) -> list[dict[str, str]]:
    try:
        parse_rules(tables, "own.toml")
    except InputError as error:
        return [dict(fault) for fault in error.errors]
    return []


def _faults(**fields: Any) -> dict[str, str]:
    with pytest.raises(InputError) as caught:
        parse_rules({"rule": [{**RULE, **fields}]}, "own.toml")
    return {fault["pointer"].removeprefix("#/rule/0/"): fault["detail"] for fault in caught.value.errors}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", "9lives", "must be letters"),
        ("name", 3, "must be a text"),
        ("sql", "x" * 20_001, "20001 characters"),
        ("severity", "severe", "must be one of info"),
        ("fires", ">0.9", "a space and a number"),
        ("fires", "> nan", "a space and a number"),
        ("fires", "=> 1", "a space and a number"),
        ("resolves", "< much", "a space and a number"),
        ("window", "0s", "must be within 1"),
        ("every", "1s", "must be within 5"),
        ("for", "8d", "must be within 0"),
        ("keep_firing_for", "soon", "not a number with a unit"),
        ("no_data", "keeep", "keep"),
        ("details", [1], "a list of texts"),
        ("widnow", "5m", "is not known"),
    ],
)
def test_each_field_is_checked(field: str, value: Any, told: str) -> None:
    assert told in _faults(**{field: value})[field]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"alertname": "x"}, "says itself"),
        ({"severity": "x"}, "says itself"),
        ({"a-b": "x"}, "letters, digits"),
        ({"a": 3}, "must be a text"),
        ({"a": "{{ value | evil }}"}, "knows no format"),
    ],
)
def test_each_label_is_checked(table: dict[str, Any], told: str) -> None:
    found = _faults(labels=table)
    assert told in found[f"labels/{next(iter(table))}"]


def test_every_fault_is_told_at_once() -> None:
    assert set(_faults(name="", severity="x", window="0s", surprise=1)) == {"severity", "window", "surprise"} | (
        {"name"} & set(_faults(name="", severity="x"))
    )


def test_resolves_needs_fires() -> None:
    fields = {key: value for key, value in RULE.items() if key != "fires"}
    with pytest.raises(InputError, match="needs fires"):
        parse_rules({"rule": [{**fields, "resolves": "< 1"}]}, "own.toml")


def test_names_are_unique_in_a_file() -> None:
    with pytest.raises(InputError, match=r"rule\.1\.name: Full is there already"):
        parse_rules({"rule": [RULE, RULE]}, "own.toml")


def test_what_is_left_out_has_a_default() -> None:
    (rule,) = parse_rules({"rule": [RULE]}, "own.toml").rules
    assert (rule.window_seconds, rule.every_seconds, rule.for_seconds, rule.reopen_seconds) == (300, 30, 0, 600)
    assert (rule.severity, rule.no_data, rule.origin) == (Severity.HIGH, NoData.RESOLVE, "own.toml")


@pytest.mark.parametrize(
    ("value", "is_firing", "is_calm"),
    [(0.95, True, False), (0.85, False, False), (0.7, False, True), (None, False, False), (float("nan"), False, False)],
)
def test_between_both_bounds_nothing_changes(value: float | None, is_firing: bool, is_calm: bool) -> None:
    (rule,) = parse_rules({"rule": [{**RULE, "resolves": "< 0.8"}]}, "own.toml").rules
    assert (rule.is_firing(value), rule.is_calm(value)) == (is_firing, is_calm)


def test_what_is_no_number_ends_nothing() -> None:
    rule = Rule("a", "g", "s", 1, 5, Severity.INFO, fires=parse_rules({"rule": [RULE]}, "x").rules[0].fires)
    assert not rule.is_calm(float("nan"))
    assert rule.is_calm(0.1)
