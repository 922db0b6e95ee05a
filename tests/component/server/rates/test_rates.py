"""Limits as callers meet them: who sends too much is told when to come back, and nobody else is."""

import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from nagare.audit.service import REFUSALS_EACH
from nagare.config.settings import LimitsSettings
from nagare.server.routes.table import ROUTES
from tests.component.server.conftest import Answer, Api, Serve

LOGIN = "/api/v1/auth/login"
PASSWORD = "correct horse battery staple"
ME = "/api/v1/auth/me"


def _limits(**limits: Any) -> Mapping[str, Any]:
    return {"limits": LimitsSettings(**limits)}


async def _user(api: Api, name: str) -> str:
    made = await api.call("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
    assert made.status == 200, made.raw
    return str((await _login(api, name)).json["access_token"])


async def _login(api: Api, name: str, password: str = PASSWORD, **more: Any) -> Answer:
    return await api.call("POST", LOGIN, {"user": name, "password": password}, token=None, **more)


async def test_a_user_has_a_count_of_its_own_and_the_owner_none(serve: Serve) -> None:
    async with serve(sections=_limits(user_requests_per_minute=4)) as api:
        ada, bob = await _user(api, "ada"), await _user(api, "bob")
        answers = [await api.call("GET", ME, token=ada) for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 4 + [429] * 2
        assert answers[-1].code == "rate-limited"
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 65
        # Another session is the same user.
        again = (await _login(api, "ada")).json["access_token"]
        assert (await api.call("GET", ME, token=again)).status == 429
        assert (await api.call("GET", ME, token=bob)).status == 200
        assert {(await api.call("GET", ME)).status for _ in range(20)} == {200}
        assert "nagare_limits_refused_by_user_limit_total 3" in (await api.call("GET", "/metrics")).raw.decode()


async def test_strangers_and_bad_tokens_count_for_their_address_and_hosts_do_not(serve: Serve) -> None:
    async with serve(sections=_limits(address_requests_per_minute=5)) as api:
        host = await api.register()
        statuses = [(await api.call("GET", ME, token="wrong")).status for _ in range(3)]
        statuses += [(await api.call("GET", "/health", token=None)).status for _ in range(4)]
        assert statuses == [401] * 3 + [200] * 2 + [429] * 2
        assert (await api.call("GET", ME, token="wrong")).status == 429
        batches = [await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=n), token=host) for n in range(1, 9)]
        assert {answer.status for answer in batches} == {200}
        assert (await api.call("GET", ME)).status == 200


async def test_foreign_senders_are_told_503_and_samples_of_hosts_are_not_counted(serve: Serve) -> None:
    async with serve(sections=_limits(user_requests_per_minute=2)) as api:
        made = await api.call("POST", "/api/v1/users", {"name": "ada", "password": PASSWORD})
        assert made.status == 200, made.raw
        granted = await api.call("PUT", "/api/v1/users/ada/roles/admin", {})
        assert granted.status < 300, granted.raw
        ada = (await _login(api, "ada")).json["access_token"]
        host = await api.register()

        async def push(token: str) -> Answer:
            return await api.call(
                "POST", "/write", body=b"up a=1\n", headers={"Content-Type": "text/plain"}, token=token
            )

        answers = [await push(ada) for _ in range(3)]
        assert [answer.status for answer in answers] == [204, 204, 503]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert {(await push(host)).status for _ in range(6)} == {204}


async def test_logins_are_bounded_by_address_good_ones_too_and_failures_wait_as_before(serve: Serve) -> None:
    async with serve(sections=_limits(address_logins_per_minute=8)) as api:
        await _user(api, "ada")  # one login
        before = [await _login(api, "ada", "wrong") for _ in range(7)]
        # After five failures identity makes the user wait, and says so; how long depends on the machine.
        assert {answer.status for answer in before[:5]} == {401}
        assert all("too many attempts failed" in answer.json["detail"] for answer in before if answer.status == 429)
        for name in ("ada", "nobody"):
            bounded = await _login(api, name)
            assert bounded.status == 429
            assert "more logins come from your address than 8 a minute" in bounded.json["detail"]
            assert int(bounded.headers["Retry-After"]) >= 1
        # What is no login goes on.
        assert (await api.call("GET", "/health", token=None)).status == 200


async def test_a_terminal_that_waits_for_its_user_is_one_login(serve: Serve) -> None:
    async with serve(sections=_limits(address_logins_per_minute=2)) as api:
        polls = [await api.call("POST", "/api/v1/auth/oidc/device/poll", {"handle": "h"}, token=None) for _ in range(5)]
        assert 429 not in {answer.status for answer in polls}
        assert (await _login(api, "ada")).status == 401


@pytest.mark.parametrize(
    ("proxies", "statuses"), [((), [200, 200, 429, 429]), (("127.0.0.0/8",), [200, 200, 200, 200])]
)
async def test_only_a_trusted_proxy_tells_the_address(
    serve: Serve, proxies: tuple[str, ...], statuses: list[int]
) -> None:
    async with serve(sections=_limits(address_requests_per_minute=2), trusted_proxies=proxies) as api:
        got = []
        for number in range(4):
            headers = {"X-Forwarded-For": f"192.0.2.{number}"}
            got.append((await api.call("GET", "/health", token=None, headers=headers)).status)
        assert got == statuses


async def test_what_stands_before_the_proxys_word_is_not_believed(serve: Serve) -> None:
    async with serve(sections=_limits(address_requests_per_minute=2), trusted_proxies=("127.0.0.0/8",)) as api:
        got = []
        for number in range(4):
            headers = {"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.7"}
            got.append((await api.call("GET", "/health", token=None, headers=headers)).status)
        assert got == [200, 200, 429, 429]


async def test_the_audit_log_has_the_address_behind_a_trusted_proxy(serve: Serve) -> None:
    async with serve(trusted_proxies=("127.0.0.0/8",)) as api:
        await _user(api, "ada")
        await _login(api, "ada", "wrong", headers={"X-Forwarded-For": "192.0.2.9"})
        entries = (await api.call("GET", "/api/v1/audit?action=auth.login")).json["entries"]
        assert {entry["address"] for entry in entries} == {"127.0.0.1", "192.0.2.9"}


async def test_an_address_of_ipv6_counts_with_its_network(serve: Serve) -> None:
    async with serve(sections=_limits(address_requests_per_minute=2), trusted_proxies=("127.0.0.0/8",)) as api:
        addresses = ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:1", "2001:db8:0:1::1")
        told = [{"X-Forwarded-For": address} for address in addresses]
        got = [(await api.call("GET", "/health", token=None, headers=headers)).status for headers in told]
        assert got == [200, 200, 429, 200]


async def test_live_connections_are_counted_as_they_begin(serve: Serve) -> None:
    async with serve(sections=_limits(address_requests_per_minute=3, user_requests_per_minute=2)) as api:
        await api.call("POST", "/api/v1/users", {"name": "ada", "password": PASSWORD, "grants": [{"role": "viewer"}]})
        ada = (await _login(api, "ada")).json["access_token"]
        url, bearer = api.running.url + "/ws/dashboard", {"Authorization": f"Bearer {ada}"}
        for _ in range(2):
            async with api.session.ws_connect(url, headers=bearer) as socket:
                assert (await socket.receive_json())["op"] == "hello"
        # The user's are full, and the address had a login and those two: without credentials it gets in no more.
        for headers in (bearer, {}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await api.session.ws_connect(url, headers=headers)
            assert refused.value.status == 429
            assert refused.value.headers is not None
            assert int(refused.value.headers["Retry-After"]) >= 1
        assert len(api.services.hub) == 0


async def test_refusals_for_number_are_no_entries_of_the_audit_log(serve: Serve) -> None:
    async with serve(sections=_limits(address_requests_per_minute=3, address_logins_per_minute=2)) as api:
        for _ in range(40):
            await api.call("DELETE", "/api/v1/users/ada", token="wrong")
        statuses = [(await _login(api, "ada", "wrong")).status for _ in range(40)]
        assert set(statuses) == {429}
        refused = (await api.call("GET", "/api/v1/audit?outcome=refused")).json["entries"]
        # The three that were looked at, and the first few guesses at a password.
        assert len(refused) <= 3 + REFUSALS_EACH


async def test_a_host_that_may_not_send_yet_is_counted(serve: Serve) -> None:
    async with serve(sections=_limits(user_requests_per_minute=3)) as api:
        token = (await api.call("POST", "/api/v1/join-tokens", {})).json["token"].partition(".")[0]
        joined = await api.call(
            "POST", "/api/v1/hosts/register", {"name": "web1", "machine_id": "m1", "version": "1"}, token=token
        )
        host = joined.json["token"]
        batches = [await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=n), token=host) for n in range(1, 6)]
        assert [answer.status for answer in batches] == [403] * 3 + [429] * 2
        await api.call("POST", "/api/v1/hosts/web1/accept", {})
        batches = [await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=n), token=host) for n in range(6, 12)]
        assert {answer.status for answer in batches} == {200}


async def test_every_route_says_it_as_the_document_does(serve: Serve) -> None:
    """``check_declared`` holds each answer to the document."""
    async with serve(sections=_limits(address_requests_per_minute=1)) as api:
        await api.call("GET", "/health", token=None)
        for route in ROUTES:
            path = re.sub(r"{\w+}", "x", route.path)
            for token in (None, "wrong"):
                answer = await api.call(route.method, path, token=token)
                assert answer.status == (429 if route.form is None else 503), route.path
                assert 1 <= int(answer.headers["Retry-After"]) <= 65, route.path
                assert route.form is not None or answer.code == "rate-limited"
