"""What was changed before: deploys, and what people set, named with a finding for who may see them, and found in a flood."""

import asyncio
from typing import Any

from tests.component.server.conftest import Api
from tests.component.server.test_diagnoses import login, tell


async def note(api: Api, kind: str, text: str, **more: Any) -> None:
    """Store an event of ten minutes ago, which is when trouble begins here."""
    event = {"kind": kind, "text": text, "ts": api.now_ms() - 610_000, **more}
    assert (await api.call("POST", "/api/v1/events", event)).status == 200


async def trouble(api: Api, host: str = "db1") -> None:
    """Let the host's file system be full since five minutes."""
    now_ms = api.now_ms()
    await tell(api, host, 0.5)
    times = [now_ms - (60 - place) * 5_000 for place in range(60)]
    disk = {
        "ts": times,
        "mount": ["/data"] * 60,
        "used_ratio": [0.5] * 10 + [0.99] * 50,
        "available_bytes": [2**20] * 60,
    }
    token = await api.register(host, machine_id=host, labels={"group": "db"})
    batch = {"v": 1, "host": host, "boot": "b2", "seq": 1, "tables": {"disk": disk}}
    assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200


async def set_label(api: Api) -> None:
    labels = {"labels": {"tier": "gold", "group": "db"}}
    assert (await api.call("PATCH", "/api/v1/hosts/db1", labels)).status == 200


async def test_a_deploy_and_what_people_set_are_named_with_a_finding(api: Api) -> None:
    await trouble(api)
    await note(api, "deploy", "shop 4.2 everywhere")
    await note(api, "notification", "restart of db1 is told to ops", host="db1")
    for number in range(60):
        # A flood of worse events leaves room for it.
        await note(api, "app.log", f"line {number}", severity=3, host="db1")
    await set_label(api)
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"})).json
    finding = made["findings"][0]
    assert finding["cause"] == "disk.full"
    told = {piece["text"]: piece for piece in made["evidence"]}
    deploy = told["event deploy: shop 4.2 everywhere"]
    assert (deploy["host"], deploy["id"] in finding["evidence_for"]) == ("", True)
    # What is told because of the trouble was not done before it.
    assert not any("is told to ops" in text for text in told)
    audit = next(piece for piece in made["evidence"] if piece["kind"] == "audit")
    assert (audit["about"], audit["place"].startswith("audit entry ")) == ("hosts.label", True)
    assert made["struck"] == []
    for piece in (deploy, audit):
        answer = await api.call("POST", "/api/v1/sql", {"sql": piece["sql"], "params": piece["params"]})
        assert len(answer.json["rows"]) == 1


async def test_changes_are_told_to_who_may_see_them(api: Api) -> None:
    await trouble(api)
    await note(api, "deploy", "shop 4.2 everywhere")
    await set_label(api)
    token = await login(api, "operator", ["db"])
    made = (await api.call("POST", "/api/v1/diagnose", {"host": "db1"}, token=token)).json
    assert made["findings"][0]["cause"] == "disk.full"
    assert "shop 4.2" not in str(made)
    assert not [piece for piece in made["evidence"] if piece["kind"] == "audit"]


async def test_what_the_server_finds_by_itself_is_for_who_sees_the_host(api: Api) -> None:
    await trouble(api)
    await note(api, "deploy", "shop 4.2 everywhere")
    await note(api, "deploy", "shop 4.2 on db1", host="db1")
    await set_label(api)
    token = await login(api, "operator", ["db"])
    told = [{"labels": {"alertname": "Full", "host": "db1", "severity": "critical"}}]
    assert (await api.call("POST", "/api/v2/alerts", told)).status == 200
    async with asyncio.timeout(60):
        found: list[Any] = []
        while not found:
            found = (await api.call("GET", "/api/v1/diagnoses", token=token)).json["diagnoses"]
    made = (await api.call("GET", f"/api/v1/diagnoses/{found[0]['id']}", token=token)).json
    texts = [piece["text"] for piece in made["evidence"]]
    assert "event deploy: shop 4.2 on db1" in texts
    assert "event deploy: shop 4.2 everywhere" not in texts
