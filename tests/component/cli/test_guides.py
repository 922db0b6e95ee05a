"""Every shipped rule has a guide page, and what the pages say to type is right."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from nagare.alerting.heartbeats.tables import HEARTBEATS
from nagare.config.actions.load import shipped_actions
from nagare.config.alert_rules.guides import find_guide, guide_names
from nagare.config.alert_rules.load import shipped_rules
from nagare.fleet.tables import HOSTS
from nagare.model.alert.definition import RuleFile, parse_rules
from nagare.model.columns import Columns, RecordTable
from nagare.model.tables import TABLES, Table
from nagare.wire.sql import SqlRequest
from tests.support.metric_store import make_store
from tests.support.source import ROOT
from tools.docs_cli import helps

RULES = shipped_rules().rules
HEADINGS = ["## How to look", "## Usual causes", "## What to do", "## When it is noise"]


def _page(name: str) -> str:
    page = find_guide(name)
    assert page is not None
    return page


def _commands(name: str) -> list[list[str]]:
    """Return the words of each command of ours on the page of a rule."""
    page = _page(name)
    lines = re.findall(r"^nagare .*$", page, re.MULTILINE) + re.findall(r"`(nagare [^`]+)`", page)
    return [shlex.split(line) for line in lines]


def test_every_shipped_rule_has_a_page_and_no_page_is_without_a_rule() -> None:
    assert guide_names() == sorted(RULES)
    assert {rule.guide for rule in RULES.values()} == {f"nagare rules guide {name}" for name in RULES}
    assert find_guide("../load") is None


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_page_says_all_that_is_asked_of_it(name: str) -> None:
    page = _page(name)
    assert page.startswith(f"# {name}\n\n")
    assert "\n**Why it matters.** " in page
    assert [line for line in page.splitlines() if line.startswith("## ")] == HEADINGS
    assert 20 <= len(page.splitlines()) <= 45
    assert any(words[1] == "query" for words in _commands(name))


def test_commands_actions_columns_and_pages_exist() -> None:
    known = {words for words, _ in helps()}
    actions = {action.name: action for action in shipped_actions().values()}
    for words in [words for name in RULES for words in _commands(name)]:
        assert {words[1], " ".join(words[1:3])} & known, words
        if words[1] == "run":
            action, *given = words[words.index("--") + 1 :]
            assert {word.partition("=")[0] for word in given} <= {one.name for one in actions[action].parameters}, words
        if words[1] == "plot":
            table, column = words[2].split(".")
            assert column in {one.name for one in TABLES[table].columns}, words
        if words[1:3] == ["rules", "guide"]:
            assert words[3] in RULES


def _documented() -> list[RuleFile]:
    """Return what the TOML on the page about alerts defines, block by block."""
    page = (ROOT / "docs/how-to/alerts.md").read_text()
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[[" in block]
    assert len(blocks) == 2
    return [parse_rules(tomllib.loads(block), "alerts.md") for block in blocks]


async def test_the_rules_that_are_documented_are_read_and_asked(tmp_path: Path) -> None:
    rules = [rule for file in _documented() for rule in file.rules]
    assert [rule.name for rule in rules] == ["WebSlow"]
    assert [one.name for file in _documented() for one in file.inhibitions] == ["web-without-database"]
    async with make_store(tmp_path) as store:
        for rule in rules:
            names = [column.name for column in (await store.query(SqlRequest(rule.sql))).columns]
            assert {"host", "target", "value"} == set(names)


async def test_every_statement_on_the_pages_is_answered(tmp_path: Path) -> None:
    def empty(table: Table) -> RecordTable:
        async def nothing() -> Columns:
            return {column.name: [] for column in table.columns}

        return RecordTable(table, nothing)

    async with make_store(tmp_path) as store:
        for table in (HOSTS, HEARTBEATS):
            store.register_records(empty(table))
        for words in [words for name in RULES for words in _commands(name) if words[1] == "query"]:
            reply = await store.query(SqlRequest(words[2]))
            assert reply.columns
            assert "--since" in words or re.search("FROM (hosts|heartbeats) ", f"{words[2]} "), words
