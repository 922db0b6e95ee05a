import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nagare.errors import ConfigError, InputError
from nagare.keys.signing import SigningKey, check_public_key, is_signed


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_message_and_key_only(message: bytes, other: bytes) -> None:
    key, stranger = SigningKey.generate(), SigningKey.generate()
    signature = key.sign(message)
    assert is_signed(key.public_key, signature, message)
    assert not is_signed(stranger.public_key, signature, message)
    assert is_signed(key.public_key, signature, other) == (message == other)


@given(st.text(max_size=120))
def test_any_text_is_a_plain_no(signature: str) -> None:
    assert not is_signed(SigningKey.generate().public_key, signature, b"message")


@given(st.text(max_size=80))
def test_public_keys_are_checked(text: str) -> None:
    with pytest.raises(InputError):
        check_public_key(text)


def test_a_public_key_is_base64_of_32_bytes() -> None:
    public = SigningKey.generate().public_key
    assert len(base64.b64decode(public)) == 32
    assert check_public_key(public) == public


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "agent.key"
    made = SigningKey.load_or_make(path)
    assert SigningKey.load_or_make(path).public_key == made.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"", b"nonsense", b"AAAA", base64.b64encode(b"x" * 31), b"\xff\xfe"])
def test_a_damaged_file_is_named_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.key"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"agent\.key"):
        SigningKey.load_or_make(path)
    assert path.read_bytes() == content
