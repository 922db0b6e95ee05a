"""The network over HTTP: from labels and batches to nodes, links and what fell; and no more than the caller's own hosts."""

from typing import Any

from tests.component.server.conftest import Api, Serve

NETWORK = "/api/v1/network"
BATCH = "/api/v1/metrics/batch"


def _probe(api: Api, target: str, success: bool | None = True, **cells: Any) -> dict[str, Any]:
    row = {"latency_seconds": 0.004, "loss_ratio": 0.0, "error": None, **cells}
    columns = {"ts": [api.now_ms()], "target": [target], "kind": ["icmp"], "success": [success]}
    return {"probe": columns | {name: [value] for name, value in row.items()}}


async def _fill(api: Api) -> None:
    for name, labels in (
        ("gw1", {"group": "net"}),
        ("db1", {"group": "db", "gateway": "gw1", "switch": "sw9"}),
        ("web1", {"group": "web", "gateway": "gw1"}),
    ):
        token = await api.register(name, name, labels=labels)
        tables = _probe(api, "10.0.0.9") if name != "web1" else _probe(api, "10.0.0.9", False, error="timed out\x1b[2J")
        sent = await api.call("POST", BATCH, api.batch(host=name, tables=tables), token=token)
        assert sent.status == 200, sent.raw


async def test_labels_and_probes_are_one_network(api: Api) -> None:
    await _fill(api)
    answer = await api.call("GET", NETWORK)
    assert answer.status == 200, answer.raw
    nodes = {node["id"]: node for node in answer.json["nodes"]}
    assert {key: (node["state"], node["behind"]) for key, node in nodes.items()} == {
        "host/gw1": ("up", 2),
        "host/db1": ("up", 0),
        "host/web1": ("up", 0),
        "thing/sw9": ("up", 1),
        "target/10.0.0.9": ("warn", 3),
    }
    assert nodes["target/10.0.0.9"]["reason"] == "1 of 3 probes get no answer"
    links = {(link["lower"], link["relation"]): link for link in answer.json["links"]}
    assert links["host/db1", "switch"]["upper"] == "thing/sw9"
    assert links["host/db1", "icmp"] == {
        "id": "host/db1 icmp target/10.0.0.9 10.0.0.9", "lower": "host/db1", "upper": "target/10.0.0.9", "relation": "icmp",
        "state": "up", "target": "10.0.0.9", "latency_seconds": 0.004, "loss_ratio": 0.0, "error": "",
    }  # fmt: skip
    assert links["host/web1", "icmp"]["state"] == "down"
    assert links["host/web1", "icmp"]["error"] == "timed out␛[2J"
    assert "depends_on" in answer.json["labels"]
    assert answer.json["roots"] == []


async def _login(api: Api, role: str, groups: list[str] | None) -> str:
    user = {"name": "ann", "password": "correct horse battery", "grants": [{"role": role, "groups": groups}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": "ann", "password": "correct horse battery"}
    return str((await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"])


async def test_a_limited_caller_sees_the_network_of_its_own_hosts(api: Api) -> None:
    await _fill(api)
    answer = await api.call("GET", NETWORK, token=await _login(api, "viewer", ["db"]))
    # The gateway is a host of others: what is known here is its name, from one's own label, and nothing of its own.
    assert {node["id"]: node["behind"] for node in answer.json["nodes"]} == {
        "host/db1": 0,
        "thing/gw1": 1,
        "thing/sw9": 1,
        "target/10.0.0.9": 1,
    }
    assert {link["lower"] for link in answer.json["links"]} == {"host/db1"}


async def test_who_may_not_read_metrics_is_told_of_labels_only(api: Api) -> None:
    await _fill(api)
    await api.call("PUT", "/api/v1/roles/names", {"permissions": ["hosts.read"]})
    answer = await api.call("GET", NETWORK, token=await _login(api, "names", None))
    assert [link["relation"] for link in answer.json["links"]] == ["gateway", "switch", "gateway"]
    await api.call("PUT", "/api/v1/roles/names", {"permissions": ["metrics.read"]})
    assert (await api.call("GET", NETWORK, token=await _login_again(api))).status == 403


async def _login_again(api: Api) -> str:
    login = {"user": "ann", "password": "correct horse battery"}
    return str((await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"])


async def test_a_server_without_hosts_has_an_empty_network(serve: Serve) -> None:
    async with serve() as api:
        answer = await api.call("GET", NETWORK)
        assert (answer.json["nodes"], answer.json["links"], answer.json["roots"]) == ([], [], [])
