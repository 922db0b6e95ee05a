"""What systemctl prints."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.unit.systemctl import Unit, parse_properties, parse_units
from tests.unit.collect.trees import captured

BACKUP = Unit("backup.service", "loaded", "failed", "failed")


def test_json() -> None:
    units = parse_units(captured("systemctl/list.json"))
    assert len(units) == 6
    assert units[1] == BACKUP
    assert [unit.name for unit in units if unit.is_bad] == ["backup.service", "flappy.service"]


def test_plain_table_of_older_versions() -> None:
    units = parse_units(captured("systemctl/list.txt"))
    assert len(units) == 4
    assert units[1] == BACKUP


def test_properties() -> None:
    found = parse_properties(captured("systemctl/show.txt"))
    assert found["backup.service"]["Result"] == "exit-code"
    assert found["flappy.service"]["NRestarts"] == "412"


@given(st.binary() | st.binary().map(lambda tail: b"[" + tail) | st.binary().map(lambda tail: b"Id=" + tail))
def test_any_bytes(output: bytes) -> None:
    parse_units(output)
    parse_properties(output)


def test_json_of_another_shape() -> None:
    assert parse_units(b'[1, {"unit": 5}, {"unit": "a", "load": null}]') == []
    assert parse_units(b'[{"unit": "a.service"') == []
