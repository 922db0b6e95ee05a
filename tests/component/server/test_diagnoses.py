"""Diagnoses over HTTP: who gets which, what is kept, and that a critical alert is diagnosed by itself."""

import asyncio
from typing import Any

from nagare.wire.codec import decode_any
from tests.component.server.conftest import Api

PASSWORD = "correct horse battery"


async def tell(api: Api, host: str, used: float) -> None:
    """Let ``host`` send ten minutes of a file system that is so full, and of load."""
    now_ms = api.now_ms()
    times = [now_ms - (120 - place) * 5_000 for place in range(120)]
    disk = {"ts": times, "mount": ["/var"] * 120, "used_ratio": [used] * 120, "available_bytes": [2**20] * 120}
    load = {
        "ts": times,
        "load1": [0.1] * 120,
        "cores": [4] * 120,
        "uptime_seconds": [9e6 + place * 5 for place in range(120)],
    }
    token = await api.register(host, machine_id=host, labels={"group": host.rstrip("1")})
    batch = {"v": 1, "host": host, "boot": f"b-{host}", "seq": 1, "tables": {"disk": disk, "load": load}}
    assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200


async def login(api: Api, role: str, groups: list[str] | None) -> str:
    grants: list[dict[str, Any]] = [{"role": role, "groups": groups}]
    user = {"name": "dora", "password": PASSWORD, "grants": grants}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    answer = await api.call("POST", "/api/v1/auth/login", {"user": "dora", "password": PASSWORD}, token=None)
    return str(answer.json["access_token"])


async def test_a_full_disk_is_found_kept_asked_for_in_sql_and_forgotten(api: Api) -> None:
    await tell(api, "db1", 0.99)
    answer = await api.call("POST", "/api/v1/diagnose", {"host": "db1"})
    assert answer.status == 200, answer.raw
    made = answer.json
    assert (made["verdict"], made["findings"][0]["cause"]) == ("CRITICAL", "disk.full")
    assert made["findings"][0]["proposal"] == {"action": "disk.largest", "arguments": {"path": "/var"}, "host": "db1"}
    kept = await api.call("GET", f"/api/v1/diagnoses/{made['id']}")
    assert kept.json == made
    listed = (await api.call("GET", "/api/v1/diagnoses?host=db1")).json["diagnoses"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert await api.sql("SELECT host, verdict, cause FROM diagnoses") == [["db1", "CRITICAL", "disk.full"]]
    assert (await api.call("DELETE", f"/api/v1/diagnoses/{made['id']}")).status == 204
    assert (await api.call("GET", f"/api/v1/diagnoses/{made['id']}")).code == "not-found"
    deeds = await api.sql("SELECT action FROM audit WHERE action LIKE 'diagnose.%' ORDER BY seq")
    assert deeds == [["diagnose.run"], ["diagnose.remove"]]


async def test_it_is_told_step_by_step_and_kept(api: Api) -> None:
    await tell(api, "db1", 0.99)
    answer = await api.call("POST", "/api/v1/diagnose/follow", {"host": "db1"})
    lines = [decode_any(line) for line in answer.raw.splitlines() if line]
    stages = [line["stage"] for line in lines if line["op"] == "stage"]
    assert list(dict.fromkeys(stages))[-2:] == ["rules", "verifying"]
    found = lines[-1]["diagnosis"]
    assert (lines[-1]["op"], found["findings"][0]["cause"]) == ("found", "disk.full")
    assert (await api.call("GET", f"/api/v1/diagnoses/{found['id']}")).json == found
    assert await api.sql("SELECT action, outcome FROM audit WHERE action LIKE 'diagnose.%'") == [
        ["diagnose.run", "done"]
    ]


async def test_what_is_refused_at_once_is_a_problem_and_later_the_last_line(api: Api) -> None:
    assert (await api.call("POST", "/api/v1/diagnose/follow", {"host": "nobody"})).code == "not-found"
    answer = await api.call("POST", "/api/v1/diagnose/follow", {"model": True})
    last = decode_any(answer.raw.splitlines()[-1])
    assert (answer.status, last["op"], last["problem"]["code"]) == (200, "fault", "input-invalid")


async def test_what_somebody_thinks_of_it_is_kept_with_it(api: Api) -> None:
    await tell(api, "db1", 0.99)
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"})).json
    path = f"/api/v1/diagnoses/{made['id']}/rating"
    assert (await api.call("PUT", path, {"verdict": "down", "word": "it was the deploy"})).status == 200
    rated = await api.call("PUT", path, {"verdict": "up", "word": "no, \x1b[31mit was the disk"})
    rating = rated.json["rating"]
    assert (rating["verdict"], rating["word"], rating["rated_by"]) == ("up", "no, ␛[31mit was the disk", "local")
    assert (await api.call("GET", f"/api/v1/diagnoses/{made['id']}")).json == rated.json
    assert (await api.call("GET", "/api/v1/diagnoses")).json["diagnoses"][0]["rating"] == "up"
    assert await api.sql("SELECT rating, rating_word, rated_by FROM diagnoses") == [["up", rating["word"], "local"]]
    assert (await api.call("PUT", path, {"verdict": "sideways"})).status in (400, 422)
    assert (await api.call("PUT", f"/api/v1/diagnoses/{'0' * 32}/rating", {"verdict": "up"})).code == "not-found"
    deeds = await api.sql("SELECT outcome FROM audit WHERE action = 'diagnose.rate' ORDER BY seq")
    assert deeds[:2] == [["done"], ["done"]]


async def test_who_may_not_ask_rates_none(api: Api) -> None:
    await tell(api, "db1", 0.99)
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"})).json
    token = await login(api, "viewer", None)
    answer = await api.call("PUT", f"/api/v1/diagnoses/{made['id']}/rating", {"verdict": "up"}, token=token)
    assert answer.code == "permission-denied"


async def test_every_cited_query_is_one_that_anybody_can_run(api: Api) -> None:
    await tell(api, "db1", 0.99)
    made = (await api.call("POST", "/api/v1/diagnose", {})).json
    assert made["evidence"]
    assert any(piece["sql"] for piece in made["evidence"])
    for piece in made["evidence"]:
        if not piece["sql"]:
            # A passage, which no table has.
            assert (piece["figures"], piece["place"] != "") == ([], True)
            continue
        answer = await api.call("POST", "/api/v1/sql", {"sql": piece["sql"], "params": piece["params"]})
        assert answer.status == 200, answer.raw
        row = dict(zip((column["name"] for column in answer.json["columns"]), answer.json["rows"][0], strict=True))
        assert {one["name"]: one["value"] for one in piece["figures"]}.items() <= row.items()


async def test_a_limited_caller_hears_of_its_own_hosts_only(api: Api) -> None:
    await tell(api, "db1", 0.99)
    await tell(api, "web1", 0.5)
    whole = (await api.call("POST", "/api/v1/diagnose", {})).json
    token = await login(api, "operator", ["web"])
    own = await api.call("POST", "/api/v1/diagnose", {}, token=token)
    assert own.json["verdict"] == "OK"
    assert "db1" not in own.raw.decode()
    assert (await api.call("POST", "/api/v1/diagnose", {"host": "db1"}, token=token)).code == "not-found"
    assert (await api.call("GET", f"/api/v1/diagnoses/{whole['id']}", token=token)).code == "not-found"
    assert (await api.call("DELETE", f"/api/v1/diagnoses/{whole['id']}", token=token)).code == "not-found"
    listed = (await api.call("GET", "/api/v1/diagnoses", token=token)).json["diagnoses"]
    assert [one["id"] for one in listed] == [own.json["id"]]


async def test_a_viewer_sees_and_asks_for_none(api: Api) -> None:
    token = await login(api, "viewer", None)
    assert (await api.call("POST", "/api/v1/diagnose", {}, token=token)).code == "permission-denied"
    assert (await api.call("GET", "/api/v1/diagnoses", token=token)).status == 200


async def test_pages_are_told_to_who_may_read_them(api: Api) -> None:
    await tell(api, "db1", 0.5)
    told = [{"labels": {"alertname": "DiskFull", "host": "db1", "severity": "warning"}}]
    assert (await api.call("POST", "/api/v2/alerts", told)).status == 200
    whole = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"})).json
    places = [piece["place"].partition(",")[0] for piece in whole["evidence"] if piece["kind"] == "passage"]
    assert "shipped: DiskFull.md" in places
    token = await login(api, "operator", ["db"])
    own = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"}, token=token)).json
    assert not [piece for piece in own["evidence"] if piece["kind"] == "passage"]
    # What speaks of pages does not exist for who may not read them.
    assert (await api.call("GET", f"/api/v1/diagnoses/{whole['id']}", token=token)).code == "not-found"


async def test_a_page_that_is_none_is_refused(api: Api) -> None:
    assert (await api.call("GET", "/api/v1/diagnoses?page=x")).code == "input-invalid"


async def test_a_critical_alert_is_diagnosed_by_itself(api: Api) -> None:
    await tell(api, "db1", 0.99)
    told = [{"labels": {"alertname": "Full", "host": "db1", "severity": "critical"}}]
    assert (await api.call("POST", "/api/v2/alerts", told)).status == 200
    alert = (await api.call("GET", "/api/v1/alerts?host=db1")).json["alerts"][0]
    async with asyncio.timeout(60):
        found: list[dict[str, Any]] = []
        while not found:
            found = (await api.call("GET", f"/api/v1/diagnoses?alert={alert['id']}")).json["diagnoses"]
    assert (found[0]["asked_by"], found[0]["cause"]) == ("nagare", "disk.full")
    by_hand = (await api.call("POST", "/api/v1/diagnose", {"alert": alert["id"]})).json
    assert (by_hand["host"], by_hand["alert"]) == ("db1", alert["id"])
    assert any(piece["kind"] == "alert" for piece in by_hand["evidence"])
