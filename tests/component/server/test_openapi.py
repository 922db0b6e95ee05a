"""The live server conforms to its own document."""

import pytest

from nagare.model.principal import Permission
from nagare.server.app import make_app
from nagare.server.routes.table import ROUTES
from nagare.wire.codec import decode
from tests.component.server.conftest import Api, Serve


@pytest.fixture
def serve(serve_with_rules: Serve) -> Serve:
    return serve_with_rules


async def test_router_and_document_agree(api: Api) -> None:
    document = (await api.call("GET", "/api/v1/openapi.json")).json
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    routed = {
        (route.method, route.resource.canonical) for route in make_app(api.services).router.routes() if route.resource
    }
    assert {route for route in routed if route[0] != "HEAD"} == described
    assert {path for method, path in routed if method == "HEAD"} == {
        path for method, path in described if method == "GET" and "/ws" not in path
    }


async def test_answers_are_what_the_table_says(api: Api) -> None:
    token = await api.register()
    await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)
    await api.call("POST", "/api/v1/events", {"text": "note"})
    await api.call("POST", "/api/v1/users", {"name": "web1"})
    await api.call("PUT", "/api/v1/schedules/web1", {"cron": "@daily", "kind": "verify"})
    for route in ROUTES:
        is_of_hosts = route.permission in (
            Permission.HOSTS_STANDING,
            Permission.UPDATES_FETCH,
            Permission.COMMANDS_TAKE,
        )
        # A login by an OpenID provider has answers of its own (test_oidc).
        # The agent's file takes a while to make (test_install), and there is no job, no task and no alert (their own tests).
        elsewhere = (
            "/oidc/",
            "/agent/bundle/",
            "/commands/{id}",
            "/tasks/{id}",
            "/alerts/{id}",
            "/silences/{id}",
            "/ack/",
            "/notifications/{id}",
            "/incidents/{id}",
            "/diagnoses/{id}",
            "/shells/{id}",
            "/diagnoses/{id}",
            "/models/log/{id}",
        )
        is_elsewhere = any(part in route.path for part in elsewhere)
        if route.method != "GET" or route.is_live or is_of_hosts or is_elsewhere:
            continue
        name = "DiskFull" if "/rules/" in route.path else "web1"
        answer = await api.call("GET", route.path.replace("{name}", name).replace("{file}", "room.js"))
        assert answer.status == 200, route.path
        assert answer.headers["Content-Type"].startswith(route.media), route.path
        if route.reply is not None:
            # Of a document of many lines, each is one.
            lines = answer.raw.splitlines() if route.media == "application/x-ndjson" else [answer.raw]
            for line in lines:
                decode(line, route.reply)
