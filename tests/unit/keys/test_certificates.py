import hashlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from nagare.errors import ConfigError
from nagare.keys.certificates import ServerCertificate, load_or_make_certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_certificate_names_what_was_asked_for(tmp_path: Path) -> None:
    made = load_or_make_certificate(tmp_path, ["localhost", "127.0.0.1", "::1", "web1.example"], NOW)
    names = _certificate(made.certificate_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "web1.example"}
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    authority = _certificate(_authority(made))
    _certificate(made.certificate_file).verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key = _certificate(made.certificate_file).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    assert made.pin == hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()
    assert made.names == ("127.0.0.1", "::1", "localhost", "web1.example")
    assert made.expires_at == _certificate(made.certificate_file).not_valid_after_utc
    assert made.ca_expires_at == authority.not_valid_after_utc


def _authority(made: ServerCertificate) -> Path:
    assert made.ca_file is not None
    return made.ca_file


def test_files_are_private(tmp_path: Path) -> None:
    load_or_make_certificate(tmp_path / "keys", ["localhost"], NOW)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()} == {0o600}
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == [
        "ca.key",
        "ca.pem",
        "server.key",
        "server.pem",
    ]


def test_a_restart_keeps_the_certificate(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost", "10.0.0.1"], NOW)
    assert load_or_make_certificate(tmp_path, ["localhost"], NOW + timedelta(days=540)) == first


def test_a_new_name_makes_a_new_certificate_with_the_same_key(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    key = first.key_file.read_bytes()
    second = load_or_make_certificate(tmp_path, ["localhost", "nagare.example"], NOW)
    assert second.serial != first.serial
    assert second.pin == first.pin
    assert second.key_file.read_bytes() == key
    assert load_or_make_certificate(tmp_path, ["localhost"], NOW) == second


def test_it_is_renewed_before_a_third_of_its_life_is_left(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    authority = _authority(first).read_bytes()
    later = NOW + timedelta(days=560)
    second = load_or_make_certificate(tmp_path, ["localhost"], later)
    assert second.serial != first.serial
    assert second.pin == first.pin
    assert _authority(second).read_bytes() == authority
    assert second.expires_at > later + timedelta(days=700)


def test_one_made_by_a_clock_that_ran_ahead_is_replaced(tmp_path: Path) -> None:
    ahead = load_or_make_certificate(tmp_path, ["localhost"], NOW + timedelta(days=400))
    made = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    assert made.not_before < NOW
    assert made.pin == ahead.pin


def test_the_authority_is_renewed_years_ahead_by_its_key_so_that_old_and_new_hosts_trust_what_it_signs(
    tmp_path: Path,
) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    old = _certificate(_authority(first))
    later = NOW + timedelta(days=2440)
    second = load_or_make_certificate(tmp_path, ["localhost"], later)
    new = _certificate(_authority(second))
    assert new.not_valid_after_utc > later + timedelta(days=3000)
    assert old.not_valid_after_utc > later + timedelta(days=1200)
    for authority in (old, new):
        _certificate(second.certificate_file).verify_directly_issued_by(authority)
    assert second.pin == first.pin


def test_an_authority_that_expired_meanwhile_is_renewed_with_what_it_signed(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    later = NOW + timedelta(days=4000)
    renewed = load_or_make_certificate(tmp_path, ["localhost"], later)
    _certificate(renewed.certificate_file).verify_directly_issued_by(_certificate(_authority(renewed)))
    assert renewed.expires_at > later + timedelta(days=700)
    assert renewed.pin == first.pin


def test_an_authority_without_its_key_is_replaced_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_or_make_certificate(tmp_path, ["localhost"], NOW)
    (tmp_path / "ca.key").unlink()
    again = load_or_make_certificate(tmp_path, ["localhost"], NOW)
    assert "authority_replaced" in caplog.text
    _certificate(again.certificate_file).verify_directly_issued_by(_certificate(_authority(again)))


@pytest.mark.parametrize("name", ["server.key", "server.pem", "ca.key", "ca.pem"])
def test_a_damaged_file_is_named_and_not_replaced(tmp_path: Path, name: str) -> None:
    load_or_make_certificate(tmp_path, ["localhost"], NOW)
    (tmp_path / name).write_text("nonsense")
    with pytest.raises(ConfigError, match=name):
        load_or_make_certificate(tmp_path, ["localhost"], NOW)
    assert (tmp_path / name).read_text() == "nonsense"


def test_a_foreign_certificate_is_replaced(tmp_path: Path) -> None:
    ours = load_or_make_certificate(tmp_path / "ours", ["localhost"], NOW)
    theirs = load_or_make_certificate(tmp_path / "theirs", ["localhost"], NOW)
    ours.certificate_file.write_bytes(theirs.certificate_file.read_bytes())
    again = load_or_make_certificate(tmp_path / "ours", ["localhost"], NOW)
    assert again.serial not in (ours.serial, theirs.serial)
    assert again.pin == ours.pin
