"""What a Tab offers inside a statement."""

import json
from pathlib import Path

import pytest

from nagare.cli.console import completion
from nagare.cli.console.completion import (
    NOTE,
    Tables,
    complete_metric,
    complete_sql,
    complete_table,
    known_tables,
    write_note,
)
from nagare.cli.console.invocation import Invocation


class FakeContext:
    """As much of the parser's context as completion looks at: the root and what was typed for it."""

    def __init__(self, data: Path) -> None:
        self.obj = Invocation(flags={"data": str(data)})

    def find_root(self) -> "FakeContext":
        return self


@pytest.fixture
def context(tmp_path: Path) -> FakeContext:
    return FakeContext(tmp_path)


def _offered(context: FakeContext, text: str) -> list[str]:
    return [candidate for candidate, _ in complete_sql(context, text)]  # type: ignore[arg-type]


def test_a_table_follows_from_and_join(context: FakeContext) -> None:
    assert _offered(context, "select * from di") == ["select * from disk", "select * from disk_io"]
    assert "select * from cpu join memory" in _offered(context, "select * from cpu join mem")
    assert "select 1 from cpu, load" in _offered(context, "select 1 from cpu, lo")


def test_columns_of_the_named_tables_come_elsewhere(context: FakeContext) -> None:
    assert _offered(context, "select * from cpu where bus") == ["select * from cpu where busy_ratio"]
    assert _offered(context, "select * from load where busy") == []
    assert "select avg(busy_ratio" in _offered(context, "select avg(busy")
    assert "select host" in _offered(context, "select hos")


def test_functions_that_people_miss_are_offered(context: FakeContext) -> None:
    assert _offered(context, "select rat") == ["select rate("]
    assert "select host, time_bucket(" in _offered(context, "select host, ti")


def test_words_come_too(context: FakeContext) -> None:
    assert "select" in _offered(context, "sel")


def test_tables_that_senders_brought_are_known_from_the_note(context: FakeContext, tmp_path: Path) -> None:
    write_note(tmp_path / "run", {"x": {}})
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    write_note(tmp_path / "run", {"influx.mqtt": {"": "from a sensor", "watts": "power"}})
    assert _offered(context, "select * from influx.") == ["select * from influx.mqtt"]
    assert complete_table(context, "infl") == [("influx.mqtt", "from a sensor")]  # type: ignore[arg-type]
    assert complete_metric(context, "influx.mqtt.w") == [("influx.mqtt.watts", "power")]  # type: ignore[arg-type]


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"a": 5}), json.dumps({"a": [1]})])
def test_a_damaged_note_is_as_good_as_none(context: FakeContext, tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / NOTE).write_text(content)
    assert "cpu" in known_tables(context)  # type: ignore[arg-type]


def test_metrics_are_offered(context: FakeContext) -> None:
    assert ("cpu.busy_ratio", "1 - idle - iowait") in complete_metric(context, "cpu.busy")  # type: ignore[arg-type]


def test_a_broken_configuration_costs_only_the_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAGARE_QUERY__THREADS", "many")
    tables: Tables = completion.known_tables(FakeContext(tmp_path))  # type: ignore[arg-type]
    assert "cpu" in tables
