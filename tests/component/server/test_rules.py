"""Rules over HTTP and by the typed client: saving, changing, deleting and checking them, who may, and what is on record."""

from pathlib import Path
from typing import Any

import pytest

from nagare.alerting.rules.reading import DEFINITION_LIMIT_BYTES
from nagare.client.alerts import RuleCalls
from nagare.client.client import Client
from nagare.client.target import Target
from nagare.config.settings import AlertSettings
from nagare.errors import ConflictError, InputError, NotFoundError, StaleVersionError
from nagare.wire.alerts import RuleCheckRequest, RuleRequest
from tests.component.server.conftest import Api, Serve
from tests.component.server.test_alerts import Desk

BUSY: dict[str, Any] = {
    "sql": "SELECT host, max(user_ratio) AS value FROM cpu GROUP BY host",
    "fires": "> 0.9",
    "every": "10s",
    "severity": "high",
    "labels": {"team": "web"},
}
RULES = "/api/v1/rules"


@pytest.fixture
def serve(serve_with_rules: Serve) -> Serve:
    return serve_with_rules


async def _entries(api: Api, action: str) -> list[dict[str, Any]]:
    found = (await api.call("GET", "/api/v1/audit?limit=50")).json["entries"]
    return [entry for entry in found if entry["action"] == action]


async def test_a_rule_from_its_making_to_its_end(api: Api) -> None:
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = RuleCalls(client)
        made = await calls.save("Busy", RuleRequest(BUSY, is_new=True))
        assert (made.origin, made.origin_kind, made.changed_by, made.every_seconds) == ("api", "api", "local", 10.0)
        assert made.definition == {"name": "Busy", **BUSY}
        listed = {rule.name: rule for rule in (await calls.rules()).rules}
        assert (listed["Busy"].revision, listed["Busy"].definition) == (made.revision, {})
        assert (listed["DiskFull"].origin, listed["DiskFull"].origin_kind) == ("disk.toml", "shipped")
        with pytest.raises(ConflictError, match="it is there already"):
            await calls.save("Busy", RuleRequest(BUSY, is_new=True))
        changed = await calls.save("Busy", RuleRequest({**BUSY, "fires": "> 0.8"}, made.revision))
        assert (changed.fires, changed.revision) == ("> 0.8", (made.revision or 0) + 1)
        for stale in (calls.save("Busy", RuleRequest(BUSY, made.revision)), calls.remove("Busy", made.revision)):
            with pytest.raises(StaleVersionError, match="it was changed since it was read"):
                await stale
        await calls.remove("Busy", changed.revision)
        for gone in (calls.rule("Busy"), calls.remove("Busy")):
            with pytest.raises(NotFoundError):
                await gone
        with pytest.raises(StaleVersionError, match="it was deleted since it was read"):
            await calls.save("Busy", RuleRequest(BUSY, changed.revision))
    done = [entry for entry in await _entries(api, "rules.save") if entry["outcome"] == "done"]
    assert [(entry["target"], entry["before"]) for entry in done] == [("Busy", {"fires": "> 0.9"}), ("Busy", {})]
    assert done[0]["after"] == {"fires": "> 0.8", "revision": changed.revision}
    assert done[1]["after"]["sql"] == BUSY["sql"]
    [deleted] = [entry for entry in await _entries(api, "rules.delete") if entry["outcome"] == "done"]
    assert deleted["before"]["fires"] == "> 0.8"


async def test_it_is_judged_like_one_of_a_file(api: Api) -> None:
    assert (await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})).status == 200
    token = await api.register()
    batch = api.batch()
    batch["tables"]["cpu"]["user_ratio"] = [0.95, 0.95]
    assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200
    alerts = api.services.alerts
    while not alerts.board.of_rule("Busy"):
        await alerts.judge.turn()
        alerts.judge._judged.pop("Busy", None)
    [alert] = alerts.board.of_rule("Busy")
    assert (alert.labels["team"], alert.severity) == ("web", 2)
    assert (await api.call("GET", f"{RULES}/Busy")).json["firing"] == 1


async def test_one_in_the_place_of_a_shipped_one_and_back(api: Api) -> None:
    shipped = (await api.call("GET", f"{RULES}/CpuSaturated")).json
    own = {**shipped["definition"], "fires": "> 0.99"}
    answer = await api.call("PUT", f"{RULES}/CpuSaturated", {"rule": own, "is_new": True})
    assert (answer.status, answer.json["origin_kind"], answer.json["fires"]) == (200, "api", "> 0.99")
    assert (await api.call("DELETE", f"{RULES}/CpuSaturated")).status == 204
    assert (await api.call("GET", f"{RULES}/CpuSaturated")).json["fires"] == shipped["fires"]
    answer = await api.call("DELETE", f"{RULES}/CpuSaturated")
    assert (answer.status, answer.code) == (409, "conflict")
    assert "it is shipped, in cpu.toml" in answer.json["detail"]


async def test_a_name_that_a_file_has_is_neither_taken_nor_deleted(tmp_path: Path, serve: Serve) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    text = f"[[rule]]\nname = 'Busy'\nsql = '{BUSY['sql']}'\nseverity = 'info'\n"
    async with serve(sections={"alerts": AlertSettings(rules=folder)}) as api:
        assert (await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})).status == 200
        (folder / "own.toml").write_text(text)
        assert api.services.alerts.book.refresh()
        # What a file says counts, and the other one is told of until somebody deletes it.
        shown = (await api.call("GET", RULES)).json
        assert shown["not_held"] == {"Busy": "own.toml has it"}
        one = (await api.call("GET", f"{RULES}/Busy")).json
        assert (one["origin"], one["origin_kind"], one["revision"]) == ("own.toml", "file", None)
        answer = await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})
        assert (answer.status, answer.code) == (409, "conflict")
        assert "the file own.toml has it" in answer.json["detail"]
        checked = await api.call("POST", f"{RULES}/check", {"rules": [{"name": "Busy", **BUSY}]})
        assert "the file own.toml has it" in checked.json["checks"][0]["fault"]
        assert (await api.call("DELETE", f"{RULES}/Busy")).status == 204
        answer = await api.call("DELETE", f"{RULES}/Busy")
        assert (answer.status, "the file own.toml has it" in answer.json["detail"]) == (409, True)
        assert (await api.call("GET", RULES)).json["not_held"] == {}


async def test_a_rule_outlives_a_restart(serve: Serve) -> None:
    async with serve() as api:
        made = (await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})).json
    async with serve() as api:
        found = (await api.call("GET", f"{RULES}/Busy")).json
        assert (found["definition"], found["revision"]) == (made["definition"], made["revision"])


_UNLAWFUL: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"fires": "much"}, "#/rule/fires", "must be one of"),
    ({"sql": "rate(http_requests_total[5m]) > 3"}, "#/rule/sql", "is PromQL"),
    ({"sql": "SELECT host FROM nowhere"}, "#/rule/sql", "nowhere"),
    ({"sql": "SELECT host FROM cpu"}, "#/rule/sql", "without a column value"),
    ({"sql": "DROP TABLE cpu"}, "#/rule/sql", "SELECT"),
    ({"name": "Other"}, "#/rule/name", "another one than that of the address"),
    ({"text": "red \x1b[31m"}, "#/rule/text", "a character that nobody sees"),
    ({"labels": {"team": "we\u200bb"}}, "#/rule/labels/team", "a character that nobody sees"),
    ({"unknown": 1}, "#/rule/unknown", "is not known"),
    ({"every": "1s"}, "#/rule/every", "must be within"),
)


async def test_what_cannot_be_judged_is_not_saved(api: Api) -> None:
    for rule, place, told in _UNLAWFUL:
        answer = await api.call("PUT", f"{RULES}/Busy", {"rule": {**BUSY, **rule}})
        assert (answer.status, answer.json["errors"][0]["pointer"]) == (400, place)
        assert told in answer.json["detail"]
        if "name" in rule:
            continue
        asked = {"rules": [{"name": "Busy", **BUSY, **rule}]}
        [check] = (await api.call("POST", f"{RULES}/check", asked)).json["checks"]
        assert (check["outcome"], told in check["fault"]) == ("bad", True)
    for name in ("1x", "a b", "a" * 65, "\u00e9", "..", "-"):
        assert (await api.call("PUT", f"{RULES}/{name}", {"rule": BUSY})).status in (400, 404)
    assert all(rule["origin_kind"] == "shipped" for rule in (await api.call("GET", RULES)).json["rules"])


async def test_sizes_and_numbers_are_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    long = {f"l{number}": "é" * 1000 for number in range(32)}
    answer = await api.call("PUT", f"{RULES}/Busy", {"rule": {**BUSY, "labels": long, "guide": "x" * 5000}})
    assert (answer.status, f"{DEFINITION_LIMIT_BYTES} at the most" in answer.json["detail"]) == (400, True)
    many = [{"name": f"Busy{number}", **BUSY} for number in range(21)]
    assert (await api.call("POST", f"{RULES}/check", {"rules": many})).status == 400
    assert (await api.call("POST", f"{RULES}/check", {"rules": []})).status == 400
    monkeypatch.setattr("nagare.alerting.rules.service.KEPT_LIMIT", 1)
    assert (await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})).status == 200
    assert (await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY})).status == 200
    assert (await api.call("PUT", f"{RULES}/Other", {"rule": BUSY})).status == 413


async def test_who_may_and_over_what(api: Api) -> None:
    desk = Desk(api)
    saved = {"rule": BUSY}
    viewer = await desk.login("viewer", None, "vera")
    assert (await api.call("GET", RULES, token=viewer)).status == 200
    for method, path, value in (
        ("PUT", f"{RULES}/Busy", saved),
        ("DELETE", f"{RULES}/Busy", None),
        ("POST", f"{RULES}/check", {"rules": [{"name": "Busy", **BUSY}]}),
    ):
        assert (await api.call(method, path, value, token=viewer)).status == 403
    operator = await desk.login("operator", None, "otto")
    assert (await api.call("PUT", f"{RULES}/Busy", saved, token=operator)).status == 200
    # A rule is judged with the sight of the server: none shows by its alerts what its maker may not ask.
    secret = {"rule": {**BUSY, "sql": "SELECT actor, count(*) AS value FROM audit GROUP BY actor"}}
    answer = await api.call("PUT", f"{RULES}/Peeks", secret, token=operator)
    assert (answer.status, "audit" in answer.json["detail"]) == (400, True)
    assert (await api.call("PUT", f"{RULES}/Peeks", secret)).status == 200
    limited = await desk.login("operator", ["db"], "lena")
    assert (await api.call("PUT", f"{RULES}/Busy", saved, token=limited)).status == 403


async def test_who_may_save_rules_but_ask_nothing_saves_none(api: Api) -> None:
    role = {"permissions": ["rules.write", "alerts.read"], "text": ""}
    assert (await api.call("PUT", "/api/v1/roles/ruler", role)).status in (200, 204)
    token = await Desk(api).login("ruler", None, "rita")
    answer = await api.call("PUT", f"{RULES}/Busy", {"rule": BUSY}, token=token)
    assert (answer.status, answer.code, "metrics.read" in answer.json["hint"]) == (403, "permission-denied", True)


async def test_a_check_replays_the_past_and_saves_nothing(api: Api) -> None:
    token = await api.register()
    now_ms = api.now_ms()
    moments = [now_ms - 3_600_000 + place * 10_000 for place in range(30)]
    cpu = {"ts": moments, "core": ["all"] * 30, "user_ratio": [0.95] * 15 + [0.1] * 15}
    sent = api.batch() | {"tables": {"cpu": cpu}}
    assert (await api.call("POST", "/api/v1/metrics/batch", sent, token=token)).json["refused"] == []
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = RuleCalls(client)
        rules = [
            {"name": "Busy", **BUSY, "window": "30s"},
            {"name": "OfNow", "sql": "SELECT host FROM hosts", "severity": "info"},
            {"name": "Bad", "severity": "info"},
        ]
        busy, of_now, bad = await calls.check(RuleCheckRequest(rules, now_ms - 3_700_000, 10.0))
        assert busy.replay is not None
        assert (busy.outcome, busy.replay.alerts, busy.replay.looks, busy.replay.step_seconds) == ("ok", 1, 370, 10.0)
        assert busy.replay.episodes[0].labels["host"] == "web1"
        assert busy.replay.episodes[0].until_at
        assert (of_now.outcome, of_now.rows, of_now.replay) == ("ok", 1, None)
        assert "whose past nobody keeps" in of_now.fault
        assert (bad.outcome, "sql: is missing" in bad.fault) == ("bad", True)
        with pytest.raises(InputError, match="2000 at the most"):
            await calls.check(RuleCheckRequest(rules[:1], 0, 10.0))
        with pytest.raises(InputError, match="two are called 'Busy'"):
            await calls.check(RuleCheckRequest([rules[0], rules[0]]))
        with pytest.raises(NotFoundError):
            await calls.rule("Busy")
