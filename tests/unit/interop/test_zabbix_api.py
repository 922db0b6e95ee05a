"""Answers of Zabbix's interface: what is a result, what may pass, what is for good; and that whatever comes is one of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError, UnauthenticatedError, UnavailableError
from nagare.interop.zabbix_api import (
    MESSAGE_LIMIT,
    Update,
    acknowledge_params,
    has_mark,
    messages_params,
    read_result,
    read_version,
    request,
)


def _fault(code: int, data: str) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "error": {"code": code, "message": "Invalid params.", "data": data}, "id": 1}
    ).encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (_fault(-32602, "Not authorised."), UnauthenticatedError),
        (_fault(-32602, "Not authorized."), UnauthenticatedError),
        (_fault(-32602, "Session terminated, re-login, please."), UnauthenticatedError),
        (_fault(-32602, "API token expired."), UnauthenticatedError),
        (_fault(-32602, 'No permissions to call "event.acknowledge".'), UnauthenticatedError),
        (_fault(-32602, "Cannot close problem: trigger does not allow manual closing."), InputError),
        (_fault(-32500, "No permissions to referred object or it does not exist!"), InputError),
        (_fault(-32500, "SQL statement execution has failed"), UnavailableError),
        (_fault(-32603, "x"), UnavailableError),
        (b"<html>502</html>", UnavailableError),
        (b"", UnavailableError),
        (b"[]", UnavailableError),
        (b'{"jsonrpc":"2.0"}', UnavailableError),
        (b'{"error":"x"}', UnavailableError),
    ],
)  # fmt: skip
def test_faults_are_for_good_or_may_pass(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        read_result(body)
    assert type(caught.value) is kind


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.sampled_from(["error", "code", "data", "result", "message"]), inner), max_leaves=6))  # fmt: skip
def test_whatever_is_answered_is_a_result_or_one_of_the_faults(body: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        read_result(content)
    except (InputError, UnauthenticatedError, UnavailableError) as error:
        text = error.message
    else:
        text = ""
    assert len(text) < 700


def test_a_token_is_shown_where_the_version_looks() -> None:
    body, headers = request("event.get", {}, "secret", (6, 0))
    assert (json.loads(body)["auth"], "Authorization" in headers) == ("secret", False)
    body, headers = request("event.get", {}, "secret", (6, 4))
    assert ("auth" in json.loads(body), headers["Authorization"]) == (False, "Bearer secret")
    body, headers = request("apiinfo.version", {}, "", (0, 0))
    assert ("auth" in json.loads(body), "Authorization" in headers) == (False, False)


def test_what_is_asked() -> None:
    params = acknowledge_params("7", Update.CLOSE, "x\x1b" * 3000)
    assert (params["eventids"], params["action"], len(params["message"])) == (["7"], 5, MESSAGE_LIMIT)
    assert acknowledge_params("7", Update.MESSAGE, "m")["action"] == 4
    assert "select_acknowledges" in messages_params("7", (6, 0))
    assert "selectAcknowledges" in messages_params("7", (7, 0))
    assert [read_version(text) for text in ("6.0.30", "7.0.0rc1", "10.2")] == [(6, 0), (7, 0), (10, 2)]
    for odd in (None, 7, "x", "7", ""):
        with pytest.raises(UnavailableError):
            read_version(odd)
    found = [{"acknowledges": [{"message": "a [nagare 3f2a9c0d.1]"}]}]
    assert [has_mark(one, "[nagare 3f2a9c0d.1]") for one in (found, [], None, [{"acknowledges": None}], [3])] == [
        True,
        *[False] * 4,
    ]
