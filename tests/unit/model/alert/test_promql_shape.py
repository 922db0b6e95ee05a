"""PromQL told from SQL by its shape."""

import pytest

from nagare.errors import InputError
from nagare.model.alert.definition import parse_rule
from nagare.model.alert.promql_shape import is_promql

RULE = {"name": "Full", "severity": "high"}


@pytest.mark.parametrize(
    "text",
    [
        "up",
        "up == 0",
        'rate(http_requests_total{job="x"}[5m]) > 3',
        '{__name__="a"}',
        "1 - avg(up)",
        "-up",
        "(up)",
        "sum by (host) (rate(x[5m]))",
        "-- why\nup",
        "job:errors:rate5m > 0.1",
        "a and b",
    ],
)
def test_promql(text: str) -> None:
    assert is_promql(text)
    with pytest.raises(InputError) as caught:
        parse_rule({**RULE, "sql": text}, "x.toml")
    assert caught.value.errors[0]["pointer"] == "#/rule/sql"
    assert "is PromQL" in caught.value.message
    assert "one SELECT, with rate()" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT host FROM cpu",
        "(select 1)",
        "with a as (select 1) select 1",
        "/* why */ FROM cpu",
        "-- only a comment",
        "values (1)",
        "nonsense of several words",
        "copy (select 1) to 'x'",
        "é",
    ],
)
def test_sql_and_what_is_neither(text: str) -> None:
    assert not is_promql(text)
    if text:
        assert parse_rule({**RULE, "sql": text}, "x.toml").sql == text


def test_the_field_of_prometheus_is_told_its_name_here() -> None:
    with pytest.raises(InputError) as caught:
        parse_rule({**RULE, "expr": "up == 0"}, "x.toml")
    told = {fault["pointer"]: fault["detail"] for fault in caught.value.errors}
    assert "here it is sql, one SELECT" in told["#/rule/expr"]
