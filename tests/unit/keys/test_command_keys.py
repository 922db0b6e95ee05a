import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import CommandRefusedError, InputError
from nagare.keys.command_keys import (
    accept_keys,
    check_signature,
    first_keys,
    key_id,
    secret_digest,
    sign_envelope,
    sign_keys,
    trusted_keys,
)
from nagare.keys.signing import SigningKey
from nagare.model.command.result import Reason
from nagare.wire.commands import CommandKeys, Secret, SignedCommandKeys
from tests.support.commands import envelope_of
from tests.unit.model.command.actions import action

KEY, NEXT_KEY, FOREIGN = SigningKey.generate(), SigningKey.generate(), SigningKey.generate()
DISPATCH = sign_envelope(envelope_of(action(), {"unit": "nginx"}), KEY)


def _list(number: int, *keys: SigningKey) -> CommandKeys:
    return CommandKeys(1, number, [key.public_key for key in keys])


def test_the_server_s_key_signs_what_a_host_takes() -> None:
    check_signature(DISPATCH, [FOREIGN.public_key, KEY.public_key])


def test_nothing_is_taken_before_a_key_is_trusted() -> None:
    with pytest.raises(CommandRefusedError) as raised:
        check_signature(DISPATCH, [])
    assert raised.value.reason == Reason.NO_KEY


def test_a_foreign_key_signs_nothing() -> None:
    with pytest.raises(CommandRefusedError) as raised:
        check_signature(sign_envelope(envelope_of(action(), {"unit": "nginx"}), FOREIGN), [KEY.public_key])
    assert raised.value.reason == Reason.UNKNOWN_KEY


@given(st.integers(0, len(DISPATCH.envelope) - 1), st.characters(codec="utf-8"))
def test_any_altered_character_is_seen(at: int, character: str) -> None:
    text = DISPATCH.envelope[:at] + character + DISPATCH.envelope[at + 1 :]
    if text == DISPATCH.envelope:
        return
    with pytest.raises(CommandRefusedError) as raised:
        check_signature(msgspec.structs.replace(DISPATCH, envelope=text), [KEY.public_key])
    assert raised.value.reason == Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "signature", ["", "AAAA", "!", FOREIGN.sign(DISPATCH.envelope.encode())], ids=["none", "short", "odd", "foreign"]
)
def test_no_other_signature_fits(signature: str) -> None:
    with pytest.raises(CommandRefusedError):
        check_signature(msgspec.structs.replace(DISPATCH, signature=signature), [KEY.public_key])


def test_a_signature_of_another_purpose_does_not_fit() -> None:
    # The same key over the same text, without saying that it is a command.
    bare = msgspec.structs.replace(DISPATCH, signature=KEY.sign(DISPATCH.envelope.encode()))
    with pytest.raises(CommandRefusedError):
        check_signature(bare, [KEY.public_key])


def test_the_first_list_is_taken_and_trusted() -> None:
    held = accept_keys("", first_keys(KEY))
    assert trusted_keys(held) == [KEY.public_key]
    assert accept_keys(held, first_keys(KEY)) == held
    assert trusted_keys("") == []


def test_a_list_is_replaced_by_one_that_a_held_key_signed() -> None:
    held = accept_keys("", first_keys(KEY))
    both = accept_keys(held, sign_keys(_list(2, NEXT_KEY, KEY), NEXT_KEY, KEY))
    assert trusted_keys(both) == [NEXT_KEY.public_key, KEY.public_key]
    alone = accept_keys(both, sign_keys(_list(3, NEXT_KEY), NEXT_KEY))
    assert trusted_keys(alone) == [NEXT_KEY.public_key]


@pytest.mark.parametrize(
    "offered",
    [
        first_keys(FOREIGN),
        sign_keys(_list(2, FOREIGN), FOREIGN),
        sign_keys(_list(2, FOREIGN, KEY), FOREIGN),  # naming a held key is not its signature
        sign_keys(_list(2, NEXT_KEY), KEY),  # its own first key must sign too
        sign_keys(_list(1, NEXT_KEY, KEY), NEXT_KEY, KEY),  # not newer
        SignedCommandKeys("{}", {}),
        SignedCommandKeys(json.dumps({"v": 1, "number": 2, "keys": [KEY.public_key]}), {}),
        SignedCommandKeys('{"keys":["x"],"number":2,"v":1}', {}),
    ],
)
def test_another_list_replaces_nothing(offered: SignedCommandKeys) -> None:
    held = accept_keys("", first_keys(KEY))
    with pytest.raises(InputError):
        accept_keys(held, offered)


def test_a_secret_is_bound_by_a_salted_digest() -> None:
    one, other = Secret("0" * 32, "hunter2"), Secret("1" * 32, "hunter2")
    assert secret_digest(one) != secret_digest(other)
    assert secret_digest(one) == secret_digest(Secret("0" * 32, "hunter2"))


def test_a_key_has_one_id() -> None:
    assert key_id(KEY.public_key) == key_id(KEY.public_key) != key_id(FOREIGN.public_key)
    with pytest.raises(InputError):
        key_id("x")
