"""Messages over HTTP: shown on every live connection, and to nobody who has no name yet."""

import pytest

from tests.component.server.conftest import Api

PASSWORD = "correct horse battery"
MESSAGES = "/api/v1/messages"


async def test_everybody_who_watches_sees_it(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.admin}"}
    address = f"{api.running.url}/ws/dashboard"
    async with (
        api.session.ws_connect(address, headers=headers) as first,
        api.session.ws_connect(address, headers=headers) as second,
        # Who did not show a ticket yet is nobody.
        api.session.ws_connect(address) as stranger,
    ):
        for socket in (first, second):
            assert (await socket.receive_json())["op"] == "hello"
        answer = await api.call("POST", MESSAGES, {"text": " db1\x1b[2J restarts ", "lasts_seconds": 60})
        assert (answer.status, answer.json) == (200, {"connections": 2})
        for socket in (first, second):
            told = await socket.receive_json()
            assert told.pop("at") <= api.now_ms()
            assert told == {"op": "message", "text": "db1\u241b[2J restarts", "sender": "local", "lasts_seconds": 60.0}
        assert not stranger.closed
    found = (await api.call("GET", "/api/v1/audit?action=messages.send&outcome=done")).json["entries"]
    assert [entry["after"]["text"] for entry in found] == ["db1\u241b[2J restarts"]


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "  "}, {"text": "x" * 501}, {"text": "x", "lasts_seconds": 0}, {"text": "x", "lasts_seconds": 601}]
)  # fmt: skip
async def test_what_is_no_message(api: Api, body: dict[str, object]) -> None:
    assert (await api.call("POST", MESSAGES, body)).status == 400


async def test_a_viewer_sends_none(api: Api) -> None:
    user = {"name": "bob", "password": PASSWORD, "grants": [{"role": "viewer"}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = await api.call("POST", "/api/v1/auth/login", {"user": "bob", "password": PASSWORD}, token=None)
    token = login.json["access_token"]
    assert (await api.call("POST", MESSAGES, {"text": "hello"}, token=token)).status == 403
