"""The quick check of batches' signatures answers as the other one does, and never more kindly."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import InputError
from nagare.keys.batch_signatures import check_batch_key, is_batch_signed
from nagare.keys.signing import SigningKey, is_signed

VECTORS = Path(__file__).parents[2] / "captured" / "jose" / "wycheproof_ed25519.json"
ED25519: list[dict[str, Any]] = json.loads(VECTORS.read_text())
KEY = SigningKey.generate()
# Points whose multiples are few (y coordinates, little endian): the neutral one, the one of order two, one of order
# four, one of order eight.
SMALL_ORDER = [
    bytes((1, *(0,) * 31)),
    bytes((0xEC, *(0xFF,) * 30, 0x7F)),
    bytes(32),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_message_and_key_only(message: bytes, other: bytes) -> None:
    signature, stranger = KEY.sign(message), SigningKey.generate()
    assert is_batch_signed(KEY.public_key, signature, message)
    assert not is_batch_signed(stranger.public_key, signature, message)
    assert is_batch_signed(KEY.public_key, signature, other) == (message == other)


@given(st.binary(max_size=100), st.integers(0, 63), st.integers(0, 255))
def test_a_changed_signature_is_answered_as_the_other_check_does(message: bytes, place: int, flip: int) -> None:
    raw = bytearray(base64.b64decode(KEY.sign(message)))
    raw[place] ^= flip
    changed = _text(bytes(raw))
    told = is_batch_signed(KEY.public_key, changed, message)
    assert told == is_signed(KEY.public_key, changed, message) == (flip == 0)


@given(
    st.binary(max_size=100) | st.binary(min_size=64, max_size=64), st.binary(max_size=40) | st.sampled_from(SMALL_ORDER)
)
def test_damaged_signatures_and_keys_are_a_plain_no(signature: bytes, public: bytes) -> None:
    assert not is_batch_signed(_text(public), _text(signature), b"batch")
    assert not is_batch_signed(KEY.public_key, _text(signature), b"batch")
    assert not is_batch_signed(_text(public), KEY.sign(b"batch"), b"batch")


@given(st.text(max_size=120))
def test_any_text_is_a_plain_no(text: str) -> None:
    assert not is_batch_signed(KEY.public_key, text, b"batch")
    assert not is_batch_signed(text, KEY.sign(b"batch"), b"batch")


def test_a_signature_and_a_key_have_one_text() -> None:
    public, signature = KEY.public_key, KEY.sign(b"batch")
    assert is_batch_signed(public, signature, b"batch")
    for change in (f"{signature}\n", f" {signature}", signature.rstrip("="), f"{signature}==", f"{signature}AAAA"):
        assert not is_batch_signed(public, change, b"batch"), change
    for change in (f"{public}\n", f" {public}", public.rstrip("="), f"{public}==", f"{public}AAAA"):
        assert not is_batch_signed(change, signature, b"batch"), change


def test_wycheproof_and_rfc_8032() -> None:
    seen = set()
    for group in ED25519:
        public = _text(bytes.fromhex(group["public"]))
        for comment, message, signature, result in group["tests"]:
            told = is_batch_signed(public, _text(bytes.fromhex(signature)), bytes.fromhex(message))
            assert told == (result == "valid"), comment
            seen.add(result)
    assert seen == {"valid", "invalid"}


@pytest.mark.parametrize("public", SMALL_ORDER, ids=lambda public: public.hex()[:4])
def test_a_key_for_which_one_signature_fits_all_is_no_key(public: bytes) -> None:
    for point in SMALL_ORDER:
        assert not any(is_batch_signed(_text(public), _text(point + bytes(32)), b"%d" % n) for n in range(20))


@given(st.binary(min_size=32, max_size=32))
def test_a_key_that_somebody_owns_is_taken(seed: bytes) -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed)).public_key
    assert check_batch_key(key) == key


@given(st.sampled_from(SMALL_ORDER) | st.binary(max_size=40))
def test_a_key_is_taken_only_if_no_signature_holds_for_every_message(raw: bytes) -> None:
    try:
        check_batch_key(_text(raw))
    except InputError:
        return
    assert len(raw) == 32
    assert raw not in SMALL_ORDER


@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError, match="no point"):
        check_batch_key(_text(raw))
