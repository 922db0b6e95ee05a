"""What the server records of its callers: every change, every refusal, and nothing twice."""

from typing import Any

from nagare.server.routes.table import ROUTES
from tests.component.server.conftest import Api, Serve

# They change nothing: questions that are sent as a body, tickets that live half a minute, a login that only begins.
QUESTIONS = {
    "/api/v1/sql",
    "/api/v1/tickets",
    "/api/v1/agent/update",
    "/api/v1/auth/oidc/device",
    "/api/v1/kb/search",
    "/api/v1/rules/check",
    "/api/v1/diagnose/preview",
}
# Data that senders push; the sender's registration is what is on record.
DATA = {
    "/api/v1/metrics/batch",
    "/api/v1/write",
    "/api/v1/otlp/v1/metrics",
    "/api/v1/import/prometheus",
    "/write",
    "/api/v2/write",
    # What foreign senders tell of alerts stands in the alerts, each turn with who told it.
    "/api/v1/webhooks/alertmanager",
    "/api/v1/webhooks/zabbix",
    "/api/v1/webhooks/generic/{name}",
    "/api/v2/alerts",
    # Signs of life that others owe, each of which stands in the list of heartbeats.
    "/api/v1/heartbeats/{name}",
}


async def _entries(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = await api.call("GET", f"/api/v1/audit?limit=10000{query}")
    assert answer.status == 200, answer.raw
    entries: list[dict[str, Any]] = answer.json["entries"]
    return entries


def test_every_route_that_changes_something_is_recorded() -> None:
    changing = {route.path for route in ROUTES if route.method not in ("GET", "HEAD") and not route.action}
    assert changing == QUESTIONS | DATA
    # A browser comes back from the provider of identities with a question, and is logged in by it.
    # What is refused of a page behind a link is a guess.
    told = {route.path for route in ROUTES if route.method == "GET" and route.action}
    assert told == {"/api/v1/auth/oidc/callback", "/ack/{token}"}


async def test_a_change_is_recorded_with_what_it_changed(api: Api) -> None:
    await api.register("web1", labels={"env": "test"})
    headers = {"X-Request-Id": "request-1234"}
    answer = await api.call("PATCH", "/api/v1/hosts/web1", {"labels": {"env": "prod"}}, headers=headers)
    assert answer.status == 200
    await api.call("DELETE", "/api/v1/hosts/web1")
    removed, labelled, registered = await _entries(api)
    assert (registered["action"], registered["target"], registered["outcome"]) == ("hosts.register", "web1", "done")
    assert labelled["before"] == {"labels": {"env": "test"}}
    assert labelled["after"] == {"labels": {"env": "prod"}}
    assert (labelled["actor"], labelled["address"], labelled["request_id"]) == ("local", "127.0.0.1", "request-1234")
    assert (removed["action"], removed["outcome"]) == ("hosts.remove", "done")


async def test_a_change_that_fails_is_recorded_with_its_cause(api: Api) -> None:
    answer = await api.call("DELETE", "/api/v1/hosts/nobody")
    assert answer.status == 404
    (entry,) = await _entries(api)
    assert (entry["outcome"], entry["target"]) == ("failed", "/api/v1/hosts/nobody")
    assert "nobody" in entry["detail"]


async def test_refused_attempts_are_recorded_without_their_tokens(api: Api) -> None:
    secret = "ngr_" + "S" * 43
    host = await api.register("web1")
    await api.call("GET", "/api/v1/hosts", token=None)
    await api.call("GET", "/api/v1/hosts", token=secret)
    await api.call("DELETE", "/api/v1/hosts/web1", token=host)
    await api.call("GET", "/api/v1/status", headers={"Host": "evil.example"})
    entries = await _entries(api, "&outcome=refused")
    assert [(entry["action"], entry["actor"]) for entry in reversed(entries)] == [
        ("hosts.read", "anonymous"),
        ("hosts.read", "anonymous"),
        ("hosts.remove", "web1"),
        ("system.read", "anonymous"),
    ]
    lines = await api.call("GET", "/api/v1/audit/export")
    assert secret.encode() not in lines.raw
    assert host.encode() not in lines.raw


async def test_what_hosts_send_is_data(api: Api) -> None:
    token = await api.register("web1")
    event = {"text": "started", "kind": "agent.start"}
    assert (await api.call("POST", "/api/v1/events", event, token=token)).status == 200
    assert (await api.call("POST", "/api/v1/events", event)).status == 200
    assert [entry["action"] for entry in await _entries(api)] == ["events.add", "hosts.register"]


async def test_only_who_may_reads_the_log(api: Api) -> None:
    host = await api.register("web1")
    for path in ("/api/v1/audit", "/api/v1/audit/head", "/api/v1/audit/export"):
        assert (await api.call("GET", path, token=host)).status == 403
        assert (await api.call("GET", path, token=None)).status == 401


async def test_the_export_goes_on_where_a_page_ended(api: Api) -> None:
    for number in range(5):
        await api.register(f"web{number}", f"m{number}")
    first = await api.call("GET", "/api/v1/audit/export?limit=3")
    rest = await api.call("GET", "/api/v1/audit/export?after_seq=3&limit=3")
    whole = await api.call("GET", "/api/v1/audit/export")
    assert first.raw.count(b"\n") == 3
    assert whole.raw.startswith(first.raw)
    assert [b'"head"' in line for line in rest.raw.splitlines()][:2] == [False, False]


async def test_a_restart_goes_on_with_the_chain(serve: Serve) -> None:
    async with serve() as api:
        await api.register("web1")
        head = (await api.call("GET", "/api/v1/audit/head")).json
    async with serve() as api:
        await api.register("web2", "m2")
        again = (await api.call("GET", "/api/v1/audit/head")).json
        assert [entry["seq"] for entry in await _entries(api)] == [2, 1]
    assert (head["seq"], again["seq"]) == (1, 2)
    assert head["public_key"] == again["public_key"]


async def test_bad_parameters_are_named(api: Api) -> None:
    for query in ("limit=0", "limit=x", "since_ms=-1", "before_seq=1e3"):
        answer = await api.call("GET", f"/api/v1/audit?{query}")
        assert answer.status == 400, query
        assert query.partition("=")[0] in answer.json["detail"]


async def test_the_log_answers_sql(api: Api) -> None:
    await api.register("web1", labels={"env": "test"})
    await api.call("GET", "/api/v1/hosts", token=None)
    rows = await api.sql("SELECT seq, action, outcome, target, host FROM audit ORDER BY seq DESC LIMIT 2")
    assert [row[1:] for row in rows] == [
        ["hosts.read", "refused", "/api/v1/hosts", None],
        ["hosts.register", "done", "web1", None],
    ]
    (told,) = await api.sql(
        "SELECT json_extract_string(after, '$.labels.env') FROM audit WHERE action = 'hosts.register'"
    )
    assert told == ["test"]
    (recent,) = await api.sql("SELECT count(*) FROM audit WHERE ts > now()::TIMESTAMP - INTERVAL 1 HOUR")
    (all_,) = await api.sql("SELECT count(*) FROM audit")
    assert recent == all_


async def test_only_who_may_read_the_log_sees_its_table(api: Api) -> None:
    password = "correct horse battery"
    await api.call("PUT", "/api/v1/roles/auditor", {"permissions": ["audit.read"]})
    limited = {"role": "viewer", "groups": ["db"]}
    for name, grants in (("vera", [{"role": "viewer"}]), ("dora", [limited]), ("adam", [{"role": "auditor"}, limited])):
        user = {"name": name, "password": password, "grants": grants}
        assert (await api.call("POST", "/api/v1/users", user)).status == 200
        login = await api.call("POST", "/api/v1/auth/login", {"user": name, "password": password}, token=None)
        token = login.json["access_token"]
        answer = await api.call("POST", "/api/v1/sql", {"sql": "SELECT * FROM audit"}, token=token)
        assert (answer.status, answer.code) == (400, "query-refused"), name
        tables = (await api.call("GET", "/api/v1/tables", token=token)).json
        assert "audit" not in {table["name"] for table in tables}
