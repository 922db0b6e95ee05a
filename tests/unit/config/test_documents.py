"""What is made of the settings: schema, template, the differences of a reload."""

import dataclasses
import json
import tomllib
from pathlib import Path

import pytest

from nagare.config.changes import compare
from nagare.config.fields import all_fields
from nagare.config.load import Sources, load_settings
from nagare.config.schema import schema
from nagare.config.settings import ProbeTarget, Settings
from nagare.config.show import describe, format_toml, plain_value, template, value_of

GOLDEN = Path(__file__).parents[2] / "golden" / "settings-schema.json"


def test_the_schema_is_the_one_that_users_have() -> None:
    expected = json.loads(GOLDEN.read_text())
    assert schema() == expected, (
        "a promise changed; if it only grew: nagare config schema > tests/golden/settings-schema.json"
    )


def test_every_setting_says_what_it_is() -> None:
    for key, field in all_fields().items():
        assert field.text, key
        assert not field.text.endswith("."), key
        assert describe(field).startswith(field.text)


def _load(text: str, directory: Path) -> Settings:
    (directory / "nagare.toml").write_text(text)
    return load_settings({}, Sources({}, directory, None, None, data=directory / "data")).settings


def test_the_template_changes_nothing_even_when_all_is_taken_in(tmp_path: Path) -> None:
    text = "\n".join(template())
    assert _load(text, tmp_path) == _load("", tmp_path)
    settings = {key: field for key, field in all_fields().items() if key != "data"}
    taken_in = "\n".join(
        line.removeprefix("# ")
        if line.removeprefix("# ").partition(" = ")[0] in {f.name for f in settings.values()}
        else line
        for line in text.splitlines()
    )
    # The line of `data` stands above all tables and has no default to take in.
    taken_in = taken_in.replace('data = ""', "")
    assert _load(taken_in, tmp_path) == _load("", tmp_path)


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'quo"te',
        "back\\slash",
        "tab\tnew\nline",
        "é\x7f\x01",
        "",
        True,
        5,
        2.5,
        1e22,
        ["a", "b"],
        {"a b": "c"},
        [],
    ],
)
def test_toml_reads_back(value: object) -> None:
    assert tomllib.loads(f"x = {format_toml(value)}")["x"] == value


def test_plain_values_have_json_types_only() -> None:
    value = {"path": Path("/x"), "probes": (ProbeTarget(target="a"),)}
    assert json.loads(json.dumps(plain_value(value)))["probes"][0]["target"] == "a"
    assert format_toml(None) == '""'


def test_a_reload_tells_what_needs_a_restart(tmp_path: Path) -> None:
    old = Settings(data=tmp_path)
    new = dataclasses.replace(
        old,
        log=dataclasses.replace(old.log, level="debug"),
        query=dataclasses.replace(old.query, threads=5),
    )
    assert compare(old, old).live == ()
    assert compare(old, new).live == ("log.level",)
    assert compare(old, new).restart == ("query.threads",)
    assert value_of(new, "log.level") == "debug"
    assert compare(old, dataclasses.replace(old, data=tmp_path / "x")).restart == ("data",)
