"""Publishing and rollouts at a real server, and what a host is offered."""

import asyncio
import hashlib
from typing import Any

from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.documents import keyid_of, public_key, sign
from nagare.keys.update_roles.verify import verify
from nagare.model.updates import bundle_name
from nagare.wire.codec import decode, encode
from nagare.wire.updates import Bundle, Metadata, RoleKeys, Root
from tests.component.server.conftest import Api, Serve
from tests.support.update_roles import DAY_MS, Publisher, keys_of


def entry(content: bytes, version: str = "0.2.0", arch: str = "x86_64") -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    name = bundle_name(version, arch)
    return {"name": name, "version": version, "arch": arch, "length": len(content), "sha256": digest}


async def upload(api: Api, content: bytes, digest: str = "") -> int:
    path = f"/api/v1/updates/files/{digest or hashlib.sha256(content).hexdigest()}"
    answer = await api.call("PUT", path, body=content, headers={"Content-Type": "application/octet-stream"})
    return answer.status


async def publish(api: Api, content: bytes = b"new", version: str = "0.2.0") -> Any:
    assert await upload(api, content) == 204
    answer = await api.call("POST", "/api/v1/updates", {"bundles": [entry(content, version)]})
    assert answer.status == 200, answer.raw
    return answer.json


async def able(api: Api, name: str, machine: str = "") -> str:
    token = await api.register(name, machine or name)
    answer = await api.call("POST", f"/api/v1/hosts/{name}/accept", {"capabilities": ["update"]})
    assert answer.status == 200, answer.raw
    return token


async def ask(api: Api, token: str, version: str = "0.1.0", **more: Any) -> Any:
    report = {"version": version, "arch": "x86_64", **more}
    answer = await api.call("POST", "/api/v1/agent/update", report, token=token)
    assert answer.status == 200, answer.raw
    return answer.json


async def start(api: Api, **more: Any) -> Any:
    wanted = {"version": "0.2.0", "gate_seconds": 0, "waves": [100], **more}
    answer = await api.call("POST", "/api/v1/updates/rollouts", wanted)
    assert answer.status == 200, answer.raw
    return answer.json


async def rollout(api: Api) -> Any:
    return (await api.call("GET", "/api/v1/updates/rollouts")).json["rollouts"][0]


async def test_one_command_publishes_with_the_servers_own_key(api: Api) -> None:
    view = await publish(api)
    assert [(document["role"], document["is_own"]) for document in view["documents"]] == [
        ("root", True),
        ("targets", True),
        ("timestamp", True),
    ]
    token = await able(api, "web1")
    assert (await ask(api, token))["metadata"] is None
    await start(api)
    offered = await ask(api, token)
    metadata = decode(encode(offered["metadata"]), Metadata)
    accepted = verify(None, metadata, api.now_ms())
    assert offered["version"] == "0.2.0"
    [bundle] = accepted.targets.bundles
    piece = await api.call("GET", f"/api/v1/agent/update/{bundle.sha256}?offset=1", token=token)
    assert (piece.status, piece.raw) == (200, b"ew")


async def test_what_is_not_what_it_says_is_not_taken(api: Api) -> None:
    assert await upload(api, b"one", hashlib.sha256(b"two").hexdigest()) == 400
    assert await upload(api, b"one", "../../etc") == 404
    missing = await api.call("POST", "/api/v1/updates", {"bundles": [entry(b"never sent")]})
    assert missing.status == 404
    assert await upload(api, b"cut") == 204
    longer = {**entry(b"cut"), "length": 4}
    refused = await api.call("POST", "/api/v1/updates", {"bundles": [longer]})
    assert refused.code == "update-refused"
    assert "cut-download" in refused.json["detail"]
    assert (await api.call("GET", "/api/v1/updates")).json["bundles"] == []


async def test_roles_move_away_from_the_server_and_their_keys_count_from_then_on(api: Api) -> None:
    view = await publish(api)
    offline = Publisher()
    offline.root_version, offline.targets_version = 2, 2
    own = view["keyid"]
    root = offline.make_root()
    keys = {
        **keys_of(*offline.root_keys, *offline.targets_keys),
        own: root.keys[keyid_of(public_key(offline.timestamp_keys[0]))],
    }
    keys[own] = type(next(iter(keys.values())))("ed25519", view["public_key"])
    roles = {**root.roles, "timestamp": RoleKeys([own], 1)}
    moved = Root(2, api.now_ms() + 365 * DAY_MS, keys, roles)
    text = sign(moved, *offline.root_keys)
    assert await upload(api, b"signed elsewhere") == 204
    alone = await api.call("POST", "/api/v1/updates", {"roots": [text], "bundles": [entry(b"signed elsewhere")]})
    assert "too-few-signatures" in alone.json["detail"], "the server's key signs no list any more"
    offline.bundles = [Bundle(**entry(b"signed elsewhere"))]
    targets = offline.targets(expires_ms=api.now_ms() + 90 * DAY_MS)
    done = await api.call("POST", "/api/v1/updates", {"roots": [text], "targets": targets})
    assert done.status == 200, done.raw
    assert [document["is_own"] for document in done.json["documents"]] == [False, False, True]
    offline.targets_version = 3
    stranger = offline.targets(SigningKey.generate(), expires_ms=api.now_ms() + 90 * DAY_MS)
    refused = await api.call("POST", "/api/v1/updates", {"targets": stranger})
    assert "unknown-key" in refused.json["detail"]
    offline.targets_version = 1
    old = await api.call("POST", "/api/v1/updates", {"targets": offline.targets(expires_ms=api.now_ms() + DAY_MS)})
    assert "rollback" in old.json["detail"]


async def test_canaries_first_then_the_others(api: Api) -> None:
    await publish(api)
    canary, other = await able(api, "web1"), await able(api, "web2")
    await start(api, canaries=["web1"])
    assert (await ask(api, other))["version"] == ""
    assert (await ask(api, canary))["version"] == "0.2.0"
    await api.services.updates.review()
    assert (await rollout(api))["wave"] == 0
    await ask(api, canary, "0.2.0", outcome="installed")
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=canary)).status == 200
    for _ in range(2):
        await api.services.updates.review()
    assert (await rollout(api))["wave"] == 1
    assert (await ask(api, other))["version"] == "0.2.0"


async def test_a_canary_that_went_back_pauses_it_with_the_reason(api: Api) -> None:
    await publish(api)
    canary, other = await able(api, "web1"), await able(api, "web2")
    await start(api, canaries=["web1"])
    offered = await ask(api, canary)
    again = await ask(api, canary, rollout=offered["rollout"], outcome="failed", reason="it did not deliver")
    assert again["version"] == ""
    await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["wave"]) == ("paused", 0)
    assert found["reason"] == "web1: failed: it did not deliver"
    assert (await ask(api, other))["version"] == ""
    resumed = await api.call("POST", f"/api/v1/updates/rollouts/{found['id']}/resume")
    assert resumed.json["state"] == "running"
    assert (await ask(api, canary))["rollout"] != offered["rollout"]
    aborted = await api.call("POST", f"/api/v1/updates/rollouts/{found['id']}/abort")
    assert (aborted.json["state"], aborted.json["reason"]) == ("aborted", "aborted by hand")
    assert (await ask(api, canary))["version"] == ""
    assert (await api.call("POST", f"/api/v1/updates/rollouts/{found['id']}/pause")).status == 409


async def test_dropped_batches_and_failing_collectors_pause_it(api: Api) -> None:
    await publish(api)
    token = await able(api, "web1")
    await start(api, canaries=["web1"], gate_seconds=600)
    await ask(api, token, "0.2.0")
    batch = api.batch()
    now = api.now_ms() + 1
    batch["tables"]["agent"] = {"ts": [now], "collector": ["agent"], "ok": [True], "batches_dropped_total": [3]}
    assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200
    await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["reason"]) == ("paused", "web1: 3 batches dropped since the update")


async def work_on(api: Api, *names: str) -> str:
    asked = {"why": "new disks", "until_ms": api.now_ms() + 3_600_000, "hosts": list(names)}
    return str((await api.call("POST", "/api/v1/maintenance", asked)).json["id"])


async def beat(api: Api, name: str, token: str) -> None:
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(host=name), token=token)).status == 200


async def test_hosts_in_maintenance_wait_and_hold_nobody_up(api: Api) -> None:
    await publish(api)
    canary, away, other = await able(api, "web1"), await able(api, "web2"), await able(api, "web3")
    window = await work_on(api, "web2")
    begun = await start(api, canaries=["web1", "web2"], patience_seconds=600)
    assert begun["waiting"] == [{"host": "web2", "maintenance": "new disks"}]
    assert (await ask(api, away))["version"] == "", "nothing is offered to a host that is worked on"
    assert (await ask(api, canary))["version"] == "0.2.0"
    await ask(api, canary, "0.2.0", outcome="installed")
    await beat(api, "web1", canary)
    for _ in range(2):
        await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["wave"], found["reason"]) == ("running", 1, "")
    assert [host["host"] for host in found["hosts"]] == ["web1"], "the one that waits counts as nothing"
    await ask(api, other, "0.2.0")
    await beat(api, "web3", other)
    for _ in range(3):
        await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["waiting"]) == ("running", begun["waiting"]), "the last wave waits for it"
    await api.call("DELETE", f"/api/v1/maintenance/{window}")
    assert (await rollout(api))["waiting"] == []
    assert (await ask(api, away))["version"] == "0.2.0"
    await api.services.updates.review()
    await ask(api, away, "0.2.0")
    await beat(api, "web2", away)
    for _ in range(2):
        await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["reason"], len(found["hosts"])) == ("done", "", 3)


async def test_a_rollout_ends_without_hosts_that_stay_in_maintenance_and_says_so(api: Api) -> None:
    await publish(api)
    canary = await able(api, "web1")
    await able(api, "web2")
    await work_on(api, "web2")
    begun = await start(api, patience_seconds=0.2)
    assert begun["canaries"] == ["web1"], "who is in maintenance is no canary while there is another"
    await ask(api, canary, "0.2.0")
    await beat(api, "web1", canary)
    async with asyncio.timeout(30):
        while (found := await rollout(api))["state"] == "running":
            await api.services.updates.review()
    assert (found["state"], found["reason"]) == ("done", "without web2 (in maintenance: new disks)")


async def test_where_all_are_in_maintenance_it_goes_to_them_and_needs_to_see_one_well(api: Api) -> None:
    await publish(api)
    token = await able(api, "web1")
    await work_on(api, "web1")
    begun = await start(api, patience_seconds=0.2)
    assert begun["canaries"] == ["web1"]
    assert (await ask(api, token))["version"] == "0.2.0"
    async with asyncio.timeout(30):
        while (found := await rollout(api))["state"] == "running":
            await api.services.updates.review()
    assert found["reason"] == "nobody seen well with 0.2.0 in time: web1 (in maintenance: new disks)"
    await api.call("POST", f"/api/v1/updates/rollouts/{found['id']}/resume")
    await ask(api, token, "0.2.0")
    await beat(api, "web1", token)
    async with asyncio.timeout(30):
        while (found := await rollout(api))["state"] == "running":
            await api.services.updates.review()
    assert (found["state"], found["reason"]) == ("done", "")


async def test_what_went_bad_in_maintenance_is_not_held_against_the_update(api: Api) -> None:
    await publish(api)
    token = await able(api, "web1")
    await start(api, canaries=["web1"], gate_seconds=600)
    await ask(api, token, "0.2.0")
    window = await work_on(api, "web1")
    await api.services.updates.review()

    async def dropped(total: int, seq: int) -> None:
        batch, now = api.batch(seq=seq), api.now_ms()
        batch["tables"]["agent"] = {
            "ts": [now], "collector": ["agent"], "ok": [True], "batches_dropped_total": [total]
        }  # fmt: skip
        assert (await api.call("POST", "/api/v1/metrics/batch", batch, token=token)).status == 200

    await dropped(3, 1)
    await api.services.updates.review()
    assert (await rollout(api))["state"] == "running"
    await api.call("DELETE", f"/api/v1/maintenance/{window}")
    for _ in range(2):
        await api.services.updates.review()
    assert (await rollout(api))["state"] == "running"
    await dropped(5, 2)
    api.services.updates._look_at = 0.0
    await api.services.updates.review()
    found = await rollout(api)
    assert (found["state"], found["reason"]) == ("paused", "web1: 5 batches dropped since the update")
    # Once somebody has looked at it and says so, what was is no reason any more.
    await api.call("POST", f"/api/v1/updates/rollouts/{found['id']}/resume")
    api.services.updates._look_at = 0.0
    await api.services.updates.review()
    assert (await rollout(api))["state"] == "running"


async def test_hosts_without_the_capability_are_never_offered(api: Api) -> None:
    await publish(api)
    plain = await api.register("web1")
    await able(api, "web2")
    refused = await api.call("POST", "/api/v1/updates/rollouts", {"version": "0.2.0", "canaries": ["web1"]})
    assert refused.status == 400
    await start(api, canary_percent=100)
    assert (await ask(api, plain))["version"] == ""
    twice = await api.call("POST", "/api/v1/updates/rollouts", {"version": "0.2.0"})
    assert twice.status == 409


async def test_a_rollout_and_what_is_published_outlive_a_restart(serve: Serve) -> None:
    async with serve() as api:
        await publish(api)
        token = await able(api, "web1")
        begun = await start(api, canaries=["web1"])
        await ask(api, token)
    async with serve() as api:
        found = await rollout(api)
        assert (found["id"], found["hosts"][0]["state"]) == (begun["id"], "offered")
        assert (await ask(api, token))["version"] == "0.2.0"


async def test_every_change_is_on_record(api: Api) -> None:
    await publish(api)
    await able(api, "web1")
    made = await start(api)
    await api.call("POST", f"/api/v1/updates/rollouts/{made['id']}/pause")
    entries = (await api.call("GET", "/api/v1/audit")).json["entries"]
    assert {"updates.upload", "updates.publish", "updates.start", "updates.pause"} <= {one["action"] for one in entries}
