"""Tables ``[[webhook]]``: every fault is pointed at, and nothing that TOML can say is more than a fault."""

import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.model.alert.definition import parse_rules
from nagare.model.alert.webhook import Label, Phrase, Place, Webhook
from nagare.model.event import Severity
from tests.support.source import ROOT

WEBHOOK: dict[str, Any] = {"name": "uptime", "alertname": "/check"}
_KEYS = [
    "name", "alertname", "items", "fingerprint", "host", "state", "severity", "starts_at", "ends_at", "labels", "labels_of",
    "annotations", "annotations_of", "holds", "says_once", "from", "firing", "resolved", "values", "otherwise",
]  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["/a", "#/b", "{{ /c }}", "{{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=6))
def test_whatever_stands_in_a_table_it_is_a_mapping_or_faults(fields: dict[str, Any]) -> None:
    assert all(place.startswith("#/webhook/0") for place in _faults(**fields))


def _faults(**fields: Any) -> dict[str, str]:
    try:
        parse_rules({"webhook": [{**WEBHOOK, **fields}]}, "own.toml")
    except InputError as error:
        return {fault["pointer"]: fault["detail"] for fault in error.errors}
    return {}


def _webhook(**fields: Any) -> Webhook:
    (found,) = parse_rules({"webhook": [{**WEBHOOK, **fields}]}, "own.toml").webhooks
    return found


@pytest.mark.parametrize(
    ("field", "value", "at", "told"),
    [
        ("name", "Uptime Robot", "name", "must be lower-case letters"),
        ("name", "a" * 25, "name", "24 at the most"),
        ("alertname", "", "alertname", "must say something"),
        ("alertname", "{{ host }}", "alertname", "only annotations and fingerprint name labels"),
        ("alertname", "{{ /a~2 }}", "alertname", "~ stands before"),
        ("alertname", "x" * 1001, "alertname", "1000 at the most"),
        ("annotations", {"summary": "{{ 9! }}"}, "annotations/summary", "write a pointer"),
        ("labels", {"a b": "x"}, "labels/a b", "must be named by"),
        ("labels", {"a": 3}, "labels/a", "must be a text"),
        ("labels", {f"l{n}": "x" for n in range(65)}, "labels", "64 at the most"),
        ("items", "events", "items", "must begin with a slash"),
        ("state", {"from": "/s", "firing": ["down"]}, "state/resolved", "must be a list of 1"),
        ("state", {"from": "/s", "firing": ["up", "Down"], "resolved": ["DOWN"]}, "state/resolved", "and so has firing"),
        ("state", {"from": "/s", "firing": ["a"], "resolved": ["b"], "frm": "x"}, "state/frm", "did you mean 'from'"),
        ("severity", "hgih", "severity", "must be one of"),
        ("severity", {"from": "/p", "values": {"P1": "urgent"}}, "severity/values/P1", "must be one of"),
        ("holds", "3s", "holds", "must be within 1m"),
        ("says_once", True, "says_once", "needs state"),
        ("alrtname", "x", "alrtname", "did you mean 'alertname'"),
    ],
)  # fmt: skip
def test_faults_are_pointed_at(field: str, value: Any, at: str, told: str) -> None:
    assert told in _faults(**{field: value})[f"#/webhook/0/{at}"]


def test_two_of_one_name_are_a_fault() -> None:
    with pytest.raises(InputError, match=r"webhook.1.name: uptime is there already"):
        parse_rules({"webhook": [WEBHOOK, WEBHOOK]}, "own.toml")


def test_texts_are_pointers_words_and_places() -> None:
    found = _webhook(
        alertname="{{/a}} of {{ #/b~1c }}", annotations={"summary": "{{ host }}!", "link": "https://x.example"}, items="",
        severity="high", labels_of="#/tags",
    )  # fmt: skip
    assert found.alertname == Phrase((Place(("a",)), " of ", Place(("b/c",), is_of_body=True)))
    assert dict(found.annotations) == {"summary": Phrase((Label("host"), "!")), "link": Phrase(("https://x.example",))}
    assert (found.items, found.labels_of, found.source) == ((), Place(("tags",), is_of_body=True), "hook.uptime")
    assert found.severity is not None
    assert found.severity.otherwise is Severity.HIGH


def test_what_the_page_shows_is_a_mapping() -> None:
    page = (ROOT / "docs/how-to/foreign-alerts.md").read_text()
    found = [parse_rules(tomllib.loads(block), "page") for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert [webhook.name for file in found for webhook in file.webhooks] == ["uptime"]
    assert [monitor.name for file in found for monitor in file.monitors] == ["main", "main", "site-a"]
