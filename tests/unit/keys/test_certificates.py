import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from nagare.errors import ConfigError
from nagare.keys.certificates import load_or_make_certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _certificate(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_certificate_names_what_was_asked_for(tmp_path: Path) -> None:
    made = load_or_make_certificate(tmp_path, ["localhost", "127.0.0.1", "::1"], ["web1.example"], NOW)
    names = _certificate(made.certificate_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "web1.example"}
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}
    authority = _certificate(made.ca_file)
    _certificate(made.certificate_file).verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert len(made.pin) == 64


def test_files_are_private(tmp_path: Path) -> None:
    load_or_make_certificate(tmp_path / "keys", ["localhost"], [], NOW)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()} == {0o600}
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == [
        "ca.key",
        "ca.pem",
        "server.key",
        "server.pem",
    ]


def test_a_restart_keeps_the_pin(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], ["10.0.0.1"], NOW)
    later = load_or_make_certificate(tmp_path, ["localhost"], ["10.0.0.2"], NOW + timedelta(days=700))
    assert later == first


def test_a_new_name_makes_a_new_certificate_with_the_same_key(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], [], NOW)
    key = first.key_file.read_bytes()
    second = load_or_make_certificate(tmp_path, ["localhost", "nagare.example"], [], NOW)
    assert second.pin != first.pin
    assert second.key_file.read_bytes() == key
    assert load_or_make_certificate(tmp_path, ["localhost"], [], NOW).pin == second.pin


def test_it_is_renewed_before_it_expires(tmp_path: Path) -> None:
    first = load_or_make_certificate(tmp_path, ["localhost"], [], NOW)
    authority = first.ca_file.read_bytes()
    later = NOW + timedelta(days=800)
    second = load_or_make_certificate(tmp_path, ["localhost"], [], later)
    assert second.pin != first.pin
    assert second.ca_file.read_bytes() == authority
    assert _certificate(second.certificate_file).not_valid_after_utc > later + timedelta(days=700)


def test_an_expiring_authority_is_replaced_with_all_it_signed(tmp_path: Path) -> None:
    load_or_make_certificate(tmp_path, ["localhost"], [], NOW)
    later = NOW + timedelta(days=3640)
    renewed = load_or_make_certificate(tmp_path, ["localhost"], [], later)
    _certificate(renewed.certificate_file).verify_directly_issued_by(_certificate(renewed.ca_file))
    assert _certificate(renewed.ca_file).not_valid_after_utc > later + timedelta(days=3000)


@pytest.mark.parametrize("name", ["server.key", "server.pem", "ca.key", "ca.pem"])
def test_a_damaged_file_is_named_and_not_replaced(tmp_path: Path, name: str) -> None:
    load_or_make_certificate(tmp_path, ["localhost"], [], NOW)
    (tmp_path / name).write_text("nonsense")
    with pytest.raises(ConfigError, match=name):
        load_or_make_certificate(tmp_path, ["localhost"], [], NOW)
    assert (tmp_path / name).read_text() == "nonsense"


def test_a_foreign_certificate_is_replaced(tmp_path: Path) -> None:
    ours = load_or_make_certificate(tmp_path / "ours", ["localhost"], [], NOW)
    theirs = load_or_make_certificate(tmp_path / "theirs", ["localhost"], [], NOW)
    ours.certificate_file.write_bytes(theirs.certificate_file.read_bytes())
    again = load_or_make_certificate(tmp_path / "ours", ["localhost"], [], NOW)
    assert again.pin not in (ours.pin, theirs.pin)
