"""A user's own certificate: each thing that a client would refuse is refused at the start, by the name of its file."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nagare.errors import ConfigError
from nagare.keys.own import load_own_certificate
from tests.unit.keys.own_authority import TestAuthority, pem, pem_key, write_own

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ROOT = TestAuthority()
MIDDLE = TestAuthority("Company servers", ROOT)
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
CHAIN = (MIDDLE.issue(KEY, ["ops.example.net", "*.example.net"]), MIDDLE.certificate)


def _refusal(folder: Path, chain: bytes, key: bytes, ca: bytes | None = None, now: datetime = NOW) -> ConfigError:
    files = write_own(folder, chain, key, ca)
    with pytest.raises(ConfigError) as caught:
        load_own_certificate(files, files.read(), now)
    assert caught.value.hint
    return caught.value


def test_a_whole_chain_is_taken_with_its_authority(tmp_path: Path) -> None:
    files = write_own(tmp_path, pem(*CHAIN), pem_key(KEY), pem(ROOT.certificate))
    found = load_own_certificate(files, files.read(), NOW)
    assert (found.is_own, found.names) == (True, ("*.example.net", "ops.example.net"))
    assert found.authority.encode() == pem(ROOT.certificate)
    assert found.best_name("db1") == "ops.example.net"
    rsa_key = rsa.generate_private_key(65537, 2048)
    files = write_own(tmp_path, pem(ROOT.issue(rsa_key)), pem_key(rsa_key))
    assert load_own_certificate(files, files.read(), NOW).authority == ""


@pytest.mark.parametrize(
    ("chain", "key", "file", "cause"),
    [
        (pem(*CHAIN), pem_key(OTHER), "own.key", "it is not the key of"),
        (pem(*CHAIN), pem_key(KEY, b"secret"), "own.key", "encrypted"),
        (pem(*CHAIN), b"nonsense", "own.key", "no private key"),
        (pem(*CHAIN), pem(*CHAIN), "own.key", "no private key"),
        (b"", pem_key(KEY), "own.pem", "no certificate"),
        (b"x" * (2**20 + 1), pem_key(KEY), "own.pem", "more than"),
        (pem(*reversed(CHAIN)), pem_key(KEY), "own.pem", "out of order"),
        (pem(CHAIN[0], ROOT.certificate), pem_key(KEY), "own.pem", "out of order"),
        (pem(ROOT.issue(KEY, [])), pem_key(KEY), "own.pem", "names no host"),
        (pem(ROOT.issue(KEY, begin=NOW + timedelta(days=1))), pem_key(KEY), "own.pem", "valid from 2026-06-02"),
        (pem(ROOT.issue(KEY, end=NOW)), pem_key(KEY), "own.pem", "ended on 2026-06-01"),
    ],
    ids=range(11),
)
def test_what_no_client_would_take_is_refused(tmp_path: Path, chain: bytes, key: bytes, file: str, cause: str) -> None:
    error = _refusal(tmp_path, chain, key)
    assert str(tmp_path / file) in error.message
    assert cause in error.message


@pytest.mark.parametrize(
    "weak", [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP192R1())], ids=["rsa", "p192"]
)
def test_a_weak_key_is_refused(tmp_path: Path, weak: Any) -> None:
    assert "too weak" in _refusal(tmp_path, pem(ROOT.issue(weak)), pem_key(weak)).message


def test_another_authority_is_refused(tmp_path: Path) -> None:
    stranger = TestAuthority("Company CA")
    error = _refusal(tmp_path, pem(*CHAIN), pem_key(KEY), pem(stranger.certificate))
    assert "company.pem: it is not the authority" in error.message


def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    files = write_own(tmp_path, pem(*CHAIN), pem_key(KEY))
    files.key.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody on this machine"):
        load_own_certificate(files, files.read(), NOW)
    files.key.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        files.read()


def _public(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _pin(key: Any) -> str:
    return hashlib.sha256(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _followed_by(folder: Path, content: bytes) -> tuple[str, ...]:
    files = replace(write_own(folder, pem(*CHAIN), pem_key(KEY)), next=folder / "next.pem")
    (folder / "next.pem").write_bytes(content)
    return load_own_certificate(files, files.read(), NOW).next_pins


def test_keys_that_will_follow_are_told_by_their_pins(tmp_path: Path) -> None:
    third = rsa.generate_private_key(65537, 2048)
    assert _followed_by(tmp_path, _public(OTHER) + b"a remark\n" + _public(third)) == (_pin(OTHER), _pin(third))
    # Of a chain only the server's own: other servers have what stands above it.
    assert _followed_by(tmp_path, pem(ROOT.issue(OTHER), ROOT.certificate)) == (_pin(OTHER),)
    assert _followed_by(tmp_path, _public(OTHER) * 2) == (_pin(OTHER),)
    # It is served by now, and the file still stands there.
    assert _followed_by(tmp_path, pem(*CHAIN)) == ()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (pem_key(OTHER), "a private key, which has no place there"),
        (_public(OTHER) + pem_key(OTHER), "a private key, which has no place there"),
        (b"", "it holds no public keys"),
        (b"x" * 100, "it holds no public keys"),
        (b"x" * (2**20 + 1), "more than"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "does not read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate in PEM form"),
        (b"".join(_public(ec.generate_private_key(ec.SECP256R1())) for _ in range(5)), "it holds 5 public keys"),
        (_public(rsa.generate_private_key(65537, 1024)), "too weak"),
        (_public(x25519.X25519PrivateKey.generate()), "of a kind that TLS does not use"),
    ],
    ids=range(10),
)
def test_what_cannot_follow_is_refused(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(ConfigError, match=cause) as caught:
        _followed_by(tmp_path, content)
    assert str(tmp_path / "next.pem") in caught.value.message
    assert caught.value.hint
