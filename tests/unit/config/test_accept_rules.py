"""``[[fleet.auto_accept]]`` and ``[[fleet.groups]]``: what is a lawful rule, and what is refused with its reason."""

from pathlib import Path

import pytest

from nagare.config.load import Loaded, Sources, load_settings
from nagare.config.settings import AcceptRule
from nagare.errors import ConfigError

RULE = "[[fleet.auto_accept]]\nname = 'rack 7'\nnetworks = ['10.2.0.0/16']\n"


def _load(directory: Path, text: str) -> Loaded:
    (directory / "nagare.toml").write_text(text)
    return load_settings({}, Sources({}, directory, None, None, data=directory / "data"))


def test_rules_stand_in_the_file_as_tables(tmp_path: Path) -> None:
    text = RULE + "labels = { rack = 'b7' }\ncapabilities = ['commands']\n" + RULE.replace("rack 7", "rack 8")
    first, second = _load(tmp_path, text).settings.fleet.auto_accept
    assert first == AcceptRule("rack 7", ("10.2.0.0/16",), {"rack": "b7"}, ("commands",))
    assert (second.name, second.capabilities) == ("rack 8", ())
    assert _load(tmp_path, "").settings.fleet.auto_accept == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (RULE + RULE, "rule 'rack 7': another rule has that name"),
        (RULE.replace("rack 7", ""), "rule 0: give it a name"),
        (RULE.replace("rack 7", "x" * 65), "give it a name, 1 to 64"),
        (RULE.replace("/16", "/33"), "'10.2.0.0/33' is no network"),
        (RULE.replace("['10.2.0.0/16']", "[]"), "it would let in every machine with a token"),
        (RULE + "capabilities = ['root']\n", "'root' is no capability: there are metrics, commands, update"),
        (RULE + "accept = true\n", "unknown key"),
        ("[[fleet.groups]]\nname = 'a,b'\n", "group 'a,b': give it a name"),
        ("[[fleet.groups]]\ntext = 'x'\n", "group 0: give it a name"),
        (2 * "[[fleet.groups]]\nname = 'db'\n", "group 'db': another group has that name"),
    ],
)
def test_what_a_rule_may_not_say(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, text)
    assert fault in caught.value.message
