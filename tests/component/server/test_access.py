"""Who may call what: every route of the table, without credentials, as a host, and as the administrator."""

import stat

import aiohttp
import pytest

from nagare.bundles.contents import own_arch
from nagare.config.places import Places
from nagare.model.principal import HOST_PERMISSIONS, Permission
from nagare.server.route import Route
from nagare.server.routes.table import ROUTES
from tests.component.server.conftest import Api, Serve

# What each answers without credentials and without a body.
PUBLIC = {
    "/": 200,
    "/health": 200,
    "/ready": 200,
    "/.well-known/jwks.json": 200,
    "/api/v1/auth/login": 400,
    "/api/v1/auth/refresh": 400,
    "/api/v1/auth/logout": 400,
    "/api/v1/auth/methods": 200,
    "/api/v1/auth/oidc/login": 404,
    "/api/v1/auth/oidc/callback": 400,
    "/api/v1/auth/oidc/device": 400,
    "/api/v1/auth/oidc/device/poll": 400,
    "/ack/{token}": 403,
    "/install.sh": 200,
    "/api/v1/agent/bundle/{arch}": 200,
    "/ui": 200,
    "/ui/room": 200,
    "/ui/static/{file}": 200,
    # No page of ours asks.
    "/ui/login": 403,
    "/ui/logout": 403,
}


def _path(route: Route) -> str:
    path = route.path.replace("{name}", "web1").replace("{role}", "viewer").replace("{id}", "x")
    path = path.replace("{token}", "x").replace("{file}", "ui.css").replace("{host}", "web1")
    return path.replace("{arch}", own_arch())


def test_only_the_documented_routes_are_public() -> None:
    assert {route.path for route in ROUTES if route.is_public} == set(PUBLIC)


async def test_every_route_without_a_token(api: Api) -> None:
    for route in ROUTES:
        answer = await api.call(route.method, _path(route), token=None)
        expected = PUBLIC.get(route.path, 401)
        assert answer.status == expected, (route.method, route.path, answer.status)
        if expected == 401:
            if route.form is None:
                assert answer.code == "unauthenticated"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["x", "ngr_" + "A" * 43, "ngr_", "ngr_" + "A" * 4000, "ngr_\udcff\u00e9"])
async def test_a_wrong_token_is_refused_everywhere(api: Api, token: str) -> None:
    for route in ROUTES:
        if not route.is_public:
            wire = token.encode("utf-8", "surrogateescape").decode("latin-1")
            answer = await api.call(route.method, _path(route), token=wire)
            assert answer.status == 401, (route.path, answer.raw)
            assert token not in answer.raw.decode()


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer", "Bearer\t", "ngr_x"])
async def test_other_credentials_are_refused(api: Api, header: str) -> None:
    answer = await api.call("GET", "/api/v1/status", token=None, headers={"Authorization": header})
    assert answer.status == 401


async def test_unknown_paths_tell_strangers_nothing(api: Api) -> None:
    assert (await api.call("GET", "/api/v1/nope", token=None)).status == 401
    assert (await api.call("GET", "/api/v1/nope")).code == "not-found"
    assert (await api.call("PUT", "/api/v1/sql", token=None)).status == 401
    answer = await api.call("PUT", "/api/v1/sql")
    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert "POST" in answer.headers["Allow"]


async def test_a_host_token_does_nothing_but_send(api: Api) -> None:
    token = await api.register()
    for route in ROUTES:
        if route.is_public or route.permission in HOST_PERMISSIONS:
            continue
        answer = await api.call(route.method, _path(route), token=token)
        assert answer.status == 403, (route.method, route.path, answer.status)
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)).status == 200
    note = {"text": "the disk was changed"}
    assert (await api.call("POST", "/api/v1/events", note, token=token)).status == 200
    assert (await api.call("GET", "/api/v1/events", token=token)).status == 403


_ELSEWHERE = (
    "/oidc/",
    "/commands/{id}",
    "/tasks/{id}",
    "/alerts/{id}",
    "/silences/{id}",
    "/rules/{name}",
    "/notifications/{id}",
    "/incidents/{id}",
    "/shells/{id}",
    "/diagnoses/{id}",
    "/models/log/{id}",
    "/ack/",
    # Their own tests: no page of ours asks here.
    "/ui/log",
)


async def test_the_administrator_does_everything_but_send_as_a_host(api: Api) -> None:
    await api.register()
    user = {"name": "web1", "password": "correct horse battery"}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    schedule = {"cron": "@daily", "kind": "verify"}
    assert (await api.call("PUT", "/api/v1/schedules/web1", schedule)).status == 200
    for route in ROUTES:
        is_of_hosts = route.permission in (
            Permission.HOSTS_STANDING,
            Permission.UPDATES_FETCH,
            Permission.COMMANDS_TAKE,
        )
        # A login by an OpenID provider has answers of its own (test_oidc), and there is no job, no task and no alert (tests of their own).
        is_elsewhere = any(part in route.path for part in _ELSEWHERE)
        if route.method == "GET" and not route.is_live and not is_of_hosts and not is_elsewhere:
            assert (await api.call("GET", _path(route))).status == 200, route.path
    answer = await api.call("POST", "/api/v1/metrics/batch", api.batch())
    assert (answer.status, answer.code) == (403, "permission-denied")


async def test_a_removed_host_is_shut_out_at_once(api: Api) -> None:
    token = await api.register()
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=token)).status == 200
    assert (await api.call("DELETE", "/api/v1/hosts/web1")).status == 204
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=2), token=token)).status == 401
    assert (await api.call("GET", "/api/v1/hosts/web1")).status == 404


async def test_registering_again_ends_the_earlier_token(api: Api) -> None:
    first = await api.register()
    second = await api.register()
    assert first != second
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=first)).status == 401
    assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(), token=second)).status == 200


async def test_the_token_file_is_private_and_made_again_when_lost(serve: Serve) -> None:
    places = Places(serve.data)
    async with serve() as api:
        first = api.admin
        assert stat.S_IMODE(places.token.stat().st_mode) == 0o600
        assert stat.S_IMODE(places.data.stat().st_mode) == 0o700
    async with serve() as api:
        assert api.admin == first
    places.token.unlink()
    async with serve() as api:
        assert api.admin != first
        assert (await api.call("GET", "/api/v1/status")).status == 200
        assert (await api.call("GET", "/api/v1/status", token=first)).status == 401
    places.token.write_text("ngr_something-else\n")
    async with serve() as api:
        assert (await api.call("GET", "/api/v1/status")).status == 200


async def test_greeting_tells_what_this_is_and_nothing_secret(api: Api) -> None:
    answer = await api.call("GET", "/", token=None)
    assert answer.json["name"] == "nagare"
    assert str(api.services.settings.data) not in answer.raw.decode()
    assert api.admin not in answer.raw.decode()


async def test_head_answers_like_get(api: Api) -> None:
    answer = await api.call("HEAD", "/health", token=None)
    assert (answer.status, answer.raw) == (200, b"")


HOSTS = [
    ("localhost", 200),
    ("localhost:1234", 200),
    ("127.0.0.1", 200),
    ("[::1]", 200),
    ("[::1]:80", 200),
    ("LOCALHOST.", 200),
    ("nagare.example", 200),  # server.allowed_hosts
    ("evil.example", 403),
    ("localhost.evil.example", 403),
    ("127.0.0.1.evil.example", 403),
    ("127.0.0.1@evil.example", 403),
    ("evil.example#localhost", 403),
    ("localhost:80:80", 403),
    ("localhost:x", 403),
    ("[::1", 403),
    ("10.0.0.1", 403),
    ("0.0.0.0", 403),
    ("", 403),
]


@pytest.mark.parametrize(("host", "status"), HOSTS)
async def test_host_header(serve: Serve, host: str, status: int) -> None:
    async with serve(allowed_hosts=("nagare.example",)) as api:
        for path in ("/health", "/api/v1/status", "/nope"):
            answer = await api.call("GET", path, headers={"Host": host})
            assert (answer.status == 403) == (status == 403), (path, answer.raw)


ORIGINS = [
    (None, True),
    ("{url}", True),
    ("https://grafana.example", True),  # server.allowed_origins
    ("HTTPS://grafana.example", True),
    ("http://grafana.example", False),
    ("https://grafana.example.evil.example", False),
    ("http://evil.example", False),
    ("http://localhost:1", False),
    ("null", False),
    ("", False),
    ("file://", False),
    ("http://[::1", False),
    ("{url}/path", False),
    ("https://{address}", False),
]


@pytest.mark.parametrize(("origin", "is_welcome"), ORIGINS)
async def test_origin_header(serve: Serve, origin: str | None, is_welcome: bool) -> None:
    async with serve(allowed_origins=("https://grafana.example",)) as api:
        url = api.running.url
        sent = {} if origin is None else {"Origin": origin.format(url=url, address=url.removeprefix("http://"))}
        answer = await api.call("GET", "/health", headers=sent)
        assert answer.status == (200 if is_welcome else 403), answer.raw
        headers = {**sent, "Authorization": f"Bearer {api.admin}"}
        if is_welcome:
            async with api.session.ws_connect(f"{url}/ws/dashboard", headers=headers) as socket:
                assert (await socket.receive_json())["op"] == "hello"
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await api.session.ws_connect(f"{url}/ws/dashboard", headers=headers)
            assert refused.value.status == 403


async def test_a_rebound_page_cannot_open_a_live_connection(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.admin}", "Host": "rebound.evil.example"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await api.session.ws_connect(f"{api.running.url}/ws/dashboard", headers=headers)
    assert refused.value.status == 403


async def test_a_request_id_is_given_or_kept(api: Api) -> None:
    given = await api.call("GET", "/api/v1/nope")
    assert given.headers["X-Request-Id"] == given.json["instance"]
    kept = await api.call("GET", "/api/v1/nope", headers={"X-Request-Id": "trace-12345678"})
    assert kept.json["instance"] == "trace-12345678"
    unlawful = await api.call("GET", "/api/v1/nope", headers={"X-Request-Id": "<script>alert(1)</script>"})
    assert "<script>" not in unlawful.raw.decode() + unlawful.headers["X-Request-Id"]
