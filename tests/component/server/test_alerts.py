"""Alerts over HTTP: who sees and changes which, conflicts, what is on record, SQL and the server's own numbers."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, event

from nagare.alerting.alerts.lifecycle import Step
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.matcher import parse_matchers
from nagare.model.event import Severity
from tests.component.server.conftest import Api, Serve

PASSWORD = "correct horse battery"
ALERTS, SILENCES = "/api/v1/alerts", "/api/v1/silences"
_GROUPS: Mapping[str, str] = {"db1": "db", "web1": "web", "lone": ""}


class Desk:
    """A server with alerts of its hosts, and people in front of it."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def fill(self, each: int = 1) -> None:
        for host, group in _GROUPS.items():
            await self.api.register(host, machine_id=host, labels={"group": group} if group else {})
        await self.add([f"{host}n{number}" for number in range(each) for host in _GROUPS])
        await self.add(["of-no-host"])

    async def add(self, names: list[str]) -> None:
        """Open alerts; what stands before ``n`` is the host."""
        now_ms = self.api.now_ms()
        steps = []
        for place, name in enumerate(names):
            host = name.partition("n")[0] if name != "of-no-host" else ""
            labels = {"alertname": "Full", "name": name} | ({"host": host} if host else {})
            one = Alert(
                name.replace("-", ""), "test", name, "", Severity.HIGH, labels, {"summary": f"{name} is full"}, now_ms, now_ms,
                now_ms + place // 3, AlertState.FIRING, 0.5,
            )  # fmt: skip
            steps.append(Step(one, (Transition(now_ms, None, one.state, "test", "because"),)))
        await self.api.services.alerts.board.store.apply(steps)
        await self.api.services.alerts.board.follow()

    async def login(self, role: str, groups: list[str] | None, name: str = "dora") -> str:
        grants = [{"role": role, "groups": groups}]
        answer = await self.api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD, "grants": grants})
        assert answer.status == 200, answer.raw
        answer = await self.api.call("POST", "/api/v1/auth/login", {"user": name, "password": PASSWORD}, token=None)
        return str(answer.json["access_token"])

    async def pages(self, token: str, limit: int) -> list[str]:
        """Return all names, page by page."""
        found: list[str] = []
        page = ""
        while True:
            answer = await self.api.call("GET", f"{ALERTS}?limit={limit}&page={page}", token=token)
            assert answer.status == 200, answer.raw
            found += [alert["labels"]["name"] for alert in answer.json["alerts"]]
            page = answer.json["next"]
            if not page:
                return found
            assert len(answer.json["alerts"]) == limit


@pytest.fixture
async def desk(api: Api) -> Desk:
    """Three hosts with an alert each, and one of no host."""
    made = Desk(api)
    await made.fill()
    return made


async def test_a_limited_caller_sees_the_alerts_of_its_hosts(api: Api) -> None:
    desk = Desk(api)
    await desk.fill(each=11)
    token = await desk.login("operator", ["db"])
    expected = {f"db1n{number}" for number in range(11)}
    for limit in (1, 3, 11, 500):
        found = await desk.pages(token, limit)
        assert len(found) == 11
        assert set(found) == expected
    assert len(await desk.pages("", 10)) == 34
    answer = await api.call("GET", f"{ALERTS}?host=web1", token=token)
    assert answer.json == {"alerts": [], "next": ""}
    answer = await api.call("POST", "/api/v1/sql", {"sql": "SELECT DISTINCT host FROM alerts"}, token=token)
    assert answer.json["rows"] == [["db1"]]
    answer = await api.call("POST", "/api/v1/sql", {"sql": "SELECT * FROM silences"}, token=token)
    assert answer.status == 400


@pytest.mark.parametrize("name", ["web1n0", "lonen0", "ofnohost"])
async def test_another_hosts_alert_is_as_if_there_were_none(desk: Desk, name: str) -> None:
    token = await desk.login("operator", ["db"])
    for method, path in (
        ("GET", ""),
        ("GET", "/why"),
        ("POST", "/ack"),
        ("POST", "/unack"),
        ("POST", "/resolve"),
        ("POST", "/comment"),
    ):
        value = {"text": "x"} if method == "POST" else None
        hidden = await desk.api.call(method, f"{ALERTS}/{name}{path}", value, token=token)
        missing = await desk.api.call(method, f"{ALERTS}/nothing{path}", value, token=token)
        assert (hidden.status, missing.status) == (404, 404)
        told = {key: text.replace(name, "nothing") for key, text in hidden.json.items() if isinstance(text, str)}
        assert told | {"instance": ""} == {key: text for key, text in missing.json.items() if isinstance(text, str)} | {
            "instance": ""
        }


async def test_who_may_only_read_changes_nothing(desk: Desk) -> None:
    token = await desk.login("viewer", None)
    assert (await desk.api.call("GET", f"{ALERTS}/db1n0", token=token)).status == 200
    assert (await desk.api.call("POST", f"{ALERTS}/db1n0/ack", {}, token=token)).status == 403
    made = {"matchers": ["host=db1"], "reason": "x", "lasts_seconds": 60}
    assert (await desk.api.call("POST", SILENCES, made, token=token)).status == 403


async def _do(desk: Desk, verb: str, text: str = "", token: str = "") -> Any:
    return await desk.api.call("POST", f"{ALERTS}/db1n0/{verb}", {"text": text}, token=token)


async def test_the_life_of_an_alert_in_hands(desk: Desk) -> None:
    answer = await _do(desk, "ack", "mine")
    assert (answer.status, answer.json["state"], answer.json["owner"]) == (200, "acknowledged", "local")
    again = await _do(desk, "ack")
    assert (again.status, again.code) == (409, "conflict")
    assert "acknowledged by local" in again.json["detail"] + again.json["title"]
    assert (await _do(desk, "comment", "a \x1b[31mred\x1b[0m word")).status == 200
    assert (await _do(desk, "comment", "  ")).status == 400
    assert (await _do(desk, "unack")).json["state"] == "firing"
    assert (await _do(desk, "unack")).status == 409
    assert (await _do(desk, "resolve")).json["state"] == "resolved"
    assert (await _do(desk, "resolve")).status == 409
    found = (await desk.api.call("GET", f"{ALERTS}/db1n0")).json
    assert [turn["after"] for turn in found["turns"]] == [
        "firing",
        "acknowledged",
        "acknowledged",
        "firing",
        "resolved",
    ]
    assert "\x1b" not in found["turns"][2]["cause"]
    entries = (await desk.api.call("GET", "/api/v1/audit?limit=20")).json["entries"]
    told = {entry["action"] for entry in entries}
    assert {"alerts.ack", "alerts.unack", "alerts.resolve", "alerts.comment"} <= told


def _held_by(found: dict[str, Any]) -> list[str]:
    """Return the steps that keep an alert from people, but whether a notice was made yet, and how it went."""
    told = ("incident", "notification")
    return [step["step"] for step in found["steps"] if not step["passes"] and step["step"] not in told]


async def test_why_says_what_keeps_people_from_being_told(desk: Desk) -> None:
    found = (await desk.api.call("GET", f"{ALERTS}/db1n0/why")).json
    assert _held_by(found) == []
    made = await desk.api.call("POST", SILENCES, {"matchers": ["host=db1"], "reason": "new disks", "lasts_seconds": 60})
    assert (made.status, made.json["state"], made.json["matches"]) == (200, "open", 1)
    found = (await desk.api.call("GET", f"{ALERTS}/db1n0/why")).json
    assert (found["is_told"], _held_by(found)) == (False, ["silence"])
    assert found["alert"]["silenced_by"] == [made.json["id"]]
    assert await desk.api.sql("SELECT host FROM alerts WHERE silenced") == [["db1"]]
    ended = await desk.api.call("DELETE", f"{SILENCES}/{made.json['id']}")
    assert (ended.status, ended.json["state"], ended.json["ended_by"]) == (200, "over", "local")
    assert (await desk.api.call("DELETE", f"{SILENCES}/{made.json['id']}")).status == 409
    assert _held_by((await desk.api.call("GET", f"{ALERTS}/db1n0/why")).json) == []
    assert await desk.api.sql("SELECT reason, ended_by FROM silences") == [["new disks", "local"]]


async def test_who_is_limited_does_not_learn_what_holds_an_alert_back(desk: Desk) -> None:
    token = await desk.login("operator", ["db"])
    matchers = parse_matchers(["host=web1"]), parse_matchers(["host=db1"])
    desk.api.services.alerts.book.inhibitions = [Inhibition("far", *matchers, (), foreign_sources=True)]
    words = {"matchers": ["name=db1n0"], "reason": "the secret move", "lasts_seconds": 60}
    made = (await desk.api.call("POST", SILENCES, words)).json["id"]
    for path in ("", "/why"):
        told = (await desk.api.call("GET", f"{ALERTS}/db1n0{path}")).json
        assert (told["alert"]["silenced_by"], told["alert"]["inhibited_by"]) == ([made], ["web1n0"])
    answers = [
        await desk.api.call("GET", f"{ALERTS}/db1n0/why", token=token),
        await desk.api.call("GET", f"{ALERTS}/db1n0", token=token),
        await desk.api.call("GET", ALERTS, token=token),
        await desk.api.call("POST", f"{ALERTS}/db1n0/comment", {"text": "x"}, token=token),
        await desk.api.call("POST", f"{ALERTS}/db1n0/ack", {"text": "x"}, token=token),
    ]
    for answer in answers:
        assert answer.status == 200
        assert answer.raw.count(b'_by":["hidden"]') == 2, answer.raw
        for secret in (b"web1", b"far", b"secret", made[:8].encode(), b"local until", b"name=db1n0"):
            assert secret not in answer.raw, (secret, answer.raw)
    told = [step["text"] for step in answers[0].json["steps"] if step["step"] in ("silence", "inhibition")]
    assert told == ["silenced by a silence", "held back by another alert"]


async def test_what_holds_one_back_is_told_where_its_host_is_seen(desk: Desk) -> None:
    token = await desk.login("operator", ["db", "web"])
    matchers = parse_matchers(["host=web1"]), parse_matchers(["host=db1"])
    desk.api.services.alerts.book.inhibitions = [Inhibition("far", *matchers, (), foreign_sources=True)]
    told = (await desk.api.call("GET", f"{ALERTS}/db1n0/why", token=token)).json
    assert told["alert"]["inhibited_by"] == ["web1n0"]
    assert "by far" in told["steps"][3]["text"]


async def test_a_limited_caller_reads_no_other_alerts(api: Api) -> None:
    desk = Desk(api)
    await desk.fill(each=12)
    token = await desk.login("operator", ["db"])
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len((await api.call("GET", f"{ALERTS}?limit=10", token=token)).json["alerts"]) == 10
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    lists = [statement for statement in asked if "FROM alerts" in statement and "ORDER BY" in statement]
    assert len(lists) == 1
    assert "alerts.host IN" in lists[0]


async def test_many_silences_and_alerts_hold_nobody_up(desk: Desk) -> None:
    value = {"reason": "x", "lasts_seconds": 60}
    for place in range(3):
        matchers = [f"host={'db1' if place else 'web1'}", "name!=other"]
        assert (await desk.api.call("POST", SILENCES, {"matchers": matchers, **value})).status == 200
    await desk.add([f"db1n{number}" for number in range(1, 301)])
    found = (await desk.api.call("GET", SILENCES)).json["silences"]
    assert [one["matches"] for one in found] == [301, 301, 1]
    turns = 0
    counting = asyncio.ensure_future(desk.api.services.alerts.matches())
    while not counting.done():
        turns += 1
        await asyncio.sleep(0)
    # Every 50 alerts.
    assert turns >= 6


@pytest.mark.parametrize(
    "wrong",
    [
        {"matchers": []},
        {"matchers": ["host!=web1"]},
        {"matchers": ["host=~(a*)*"]},
        {"reason": " "},
        {"lasts_seconds": 0},
        {"lasts_seconds": 1e12},
        {"starts_ms": 2**52},
        {"idle_seconds": 1},
    ],
)
async def test_a_silence_that_is_none_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    value = {"matchers": ["host=db1"], "reason": "x", "lasts_seconds": 60, **wrong}
    assert (await desk.api.call("POST", SILENCES, value)).status in (400, 422)
    assert (await desk.api.call("GET", SILENCES)).json == {"silences": []}


@pytest.mark.parametrize("page", ["x", "1", "1.", "²²².a", "1.a-b", "1.%00", "9" * 17 + ".a"])
async def test_a_page_that_nobody_gave_out_is_refused(api: Api, page: str) -> None:
    assert (await api.call("GET", f"{ALERTS}?page={page}")).status == 400


async def test_the_servers_own_numbers_count_alerts(desk: Desk) -> None:
    text = (await desk.api.call("GET", "/metrics")).raw.decode()
    assert (
        'nagare_alerts{severity="2",state="firing"} 4' in text or 'nagare_alerts{state="firing",severity="2"} 4' in text
    )
    assert "nagare_alert_rules " in text


async def test_rules_say_how_they_do(serve_with_rules: Serve) -> None:
    async with serve_with_rules() as api:
        rules = (await api.call("GET", "/api/v1/rules")).json
        assert {"HostDown", "CpuSaturated"} <= {rule["name"] for rule in rules["rules"]}
        assert (await api.call("GET", "/api/v1/rules/HostDown")).json["severity"] == 3
        missing = await api.call("GET", "/api/v1/rules/HostDwon")
        assert (missing.status, "HostDown" in missing.json["hint"]) == (404, True)


async def test_a_route_knows_the_labels_and_the_groups_of_hosts(desk: Desk) -> None:
    labels_of = desk.api.services.alerts._neighbours.labels_of
    assert (labels_of("db1"), labels_of("lone"), labels_of("none")) == ({"group": "db"}, {}, {})
    assert labels_of("db1") is labels_of("db1")
    made = await desk.api.call("PATCH", "/api/v1/hosts/db1", {"labels": {"rack": "r1", "group": "web,db"}})
    assert made.status == 200, made.raw
    assert labels_of("db1") == {"rack": "r1", "group": "db,web"}
