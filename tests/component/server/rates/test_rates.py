"""Limits as callers meet them: who sends too much is told when to come back, and nobody else is."""

from collections.abc import Mapping
from typing import Any

import pytest

from nagare.config.settings import LimitsSettings
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
