"""Docs that cannot lag: what the code has, the pages name."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.source import ROOT, modules
from tools.docs import PAGES

DOCS = ROOT / "docs"
ADRS = sorted((DOCS / "adr").glob("*.md"))
# The words of our vocabulary; a page that drops one, or gives it twice, is wrong.
_TERMS = """
sample, label, series, metric, target, scrape, collector, cardinality, stale,
batch, frame, envelope, spool, heartbeat, uplink,
WAL, segment, head, block, checkpoint, compaction, rollup, retention, tombstone, catalog,
subject, stream, consumer, ack, nak, term, redelivery, dead letter, lease, fencing token,
rule, alert, silence, inhibition, route, receiver, notification, incident,
host, agent, server, hub, inventory, group, runbook, playbook, run, check mode, approval, audit entry,
passage, citation, evidence, hypothesis, finding, entity, edge, topology, scenario, forecast,
screen, widget, renderable, action, binding, keymap
"""
WORDS = [word.strip() for word in _TERMS.replace("\n", " ").split(",")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / "reference" / name).read_text() == PAGES[name](), "mend with: make docs"


def test_the_glossary_holds_every_word_once() -> None:
    text = (DOCS / "glossary.md").read_text()
    body = text.partition("## Severity")[0]
    words = [word for line in body.splitlines() if line.startswith("- ") for word in re.findall(r"\*\*(.+?)\*\*", line)]
    assert sorted(words) == sorted(WORDS)


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts_and_one_page(path: Path) -> None:
    text = path.read_text()
    number = int(path.name[:4])
    assert re.match(rf"# {number}\. \S", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Status"]
    assert len(text.splitlines()) <= 60


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:4]) for path in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]), ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    dead = [
        target
        for target in LINK.findall(path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert dead == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    linked = {(DOCS / target).resolve() for target in LINK.findall(index) if "://" not in target}
    pages = {path.resolve() for path in DOCS.rglob("*.md")} - {(DOCS / "index.md").resolve()}
    assert {str(path.relative_to(DOCS)) for path in pages - linked} == set()


def test_every_route_is_documented() -> None:
    from nagare.server.routes.table import ROUTES

    page = (DOCS / "reference" / "http.md").read_text()
    assert [f"{route.method} {route.path}" for route in ROUTES if route.path not in page] == []


def test_every_action_is_documented() -> None:
    from nagare.tui.actions import ACTIONS

    page = (DOCS / "reference" / "keys.md").read_text()
    assert [action for action in ACTIONS if f"`{action}`" not in page] == []


def test_every_metric_of_our_own_is_documented() -> None:
    from tools.docs_metrics import COUNTERS, GAUGES

    source = next(module.text for module in modules() if module.name == "nagare.server.own_metrics")
    named = set(re.findall(r'"(nagare_[a-z_]+[a-z])"', source))
    assert named == set(GAUGES)
    # Whose counters they are, by the module that counts.
    owners = {
        "middleware": "server",
        "routes": "server",
        "hot": "server",
        "hub": "hub",
        "live": "hub",
        "bodies": "bodies",
        "ui": "ui",
        "tunnels": "tunnels",
    }
    # What the edge of a room counts for it.
    by_module = {"nagare.server.routes.agent_link": "commands", "nagare.server.diagnosis_stream": "diagnosis"}
    owners["ingest_limits"] = "ingest"
    owners["rates"] = "limits"
    counted = set()
    for module in modules():
        prefix = {
            room: room
            for room in (
                "audit",
                "identity",
                "scrape",
                "statsd",
                "commands",
                "bus",
                "automation",
                "alerting",
                "diagnosis",
            )
        }.get(module.room) or ("metrics" if module.name in ("nagare.metrics.store", "nagare.metrics.tally") else "")
        if module.room == "server":
            prefix = by_module.get(module.name, owners.get([*module.name.split("."), ""][2], ""))
        names = re.findall(r'counters\.add\(\s*"([a-z_]+)"', module.text) if prefix else []
        counted |= {f"nagare_{prefix}_{name}_total" for name in names}
    # What counts for whoever has it.
    counted |= {f"nagare_{room}_events_dropped_total" for room in ("commands", "alerting")}
    assert counted == set(COUNTERS), "tools/docs_metrics.py describes them"


def test_every_error_and_setting_has_a_heading_of_its_own() -> None:
    from nagare.config.settings import Settings

    page = (DOCS / "reference" / "settings.md").read_text()
    defaults = Settings(data=Path("/nowhere"))
    sections = [(name, getattr(defaults, name)) for name in Settings.__slots__ if name not in ("data", "scrape")]
    missing = [
        f"{section}.{key}"
        for section, values in sections
        for key in type(values).__slots__
        if f"{section}.{key}" not in page
    ]
    assert missing == []


def test_the_collector_of_the_how_to_works(tmp_path: Path) -> None:
    import textwrap

    from nagare.collect.collector import AbsentError, Root, Tick

    page = (DOCS / "how-to" / "add-a-collector.md").read_text()
    block = re.search(r"^ *```python\n(.*?)^ *```", page, re.DOTALL | re.MULTILINE)
    assert block
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block[1]), names)
    collector = names["EntropyCollector"](Root(proc=tmp_path))
    with pytest.raises(AbsentError):
        collector.collect(Tick(0, 0.0))
    place = tmp_path / "sys/kernel/random/entropy_avail"
    place.parent.mkdir(parents=True)
    place.write_text("256\n")
    assert collector.collect(Tick(0, 0.0)) == {"entropy": {"available_bits": [256]}}


def test_every_reason_of_a_command_is_documented() -> None:
    from nagare.model.command.result import Reason

    page = (DOCS / "explanation" / "remote-commands.md").read_text()
    assert [reason for reason in Reason if f"`{reason}`" not in page] == []


def test_every_field_of_a_policy_is_documented() -> None:
    from nagare.agent.executor.policy import Policy, Rule

    page = (DOCS / "reference" / "policy.md").read_text()
    assert [field for kind in (Policy, Rule) for field in kind.__slots__ if f"`{field}`" not in page] == []


def test_every_field_of_an_action_is_documented() -> None:
    from nagare.model.command.definition import _KEYS_OF

    page = (DOCS / "reference" / "actions.md").read_text()
    fields = {key for keys in _KEYS_OF.values() for key in keys} | {"needs_root", "forks_freely", "sees_processes"}
    assert [field for field in sorted(fields) if f"`{field}`" not in page] == []


def test_the_policy_and_the_action_of_the_reference_are_lawful() -> None:
    from nagare.agent.executor.policy import parse_policy
    from nagare.config.actions.load import read_action
    from nagare.config.files import parse_toml

    def example(name: str) -> str:
        block = re.search(r"^```toml\n(.*?)^```", (DOCS / "reference" / name).read_text(), re.DOTALL | re.MULTILINE)
        assert block
        return block[1]

    assert parse_policy(parse_toml(Path("policy.toml"), example("policy.md"))).allow
    assert read_action(parse_toml(Path("site.deploy.toml"), example("actions.md"))).name == "site.deploy"
