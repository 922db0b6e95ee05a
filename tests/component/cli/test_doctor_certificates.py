"""What doctor says of certificates: of their age, and of damage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from nagare.cli.offline.checks.certificates import check_certificates
from nagare.config.places import Places
from nagare.config.settings import ServerSettings, Settings
from nagare.keys.certificates import load_or_make_certificate
from tests.unit.keys.own_authority import TestAuthority, pem, pem_key, write_own

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _verdicts(settings: Settings, days: int) -> list[tuple[str, str]]:
    return [(check.name, check.verdict) for check in check_certificates(settings, NOW + timedelta(days=days))]


def test_certificates_are_told_by_their_age(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert _verdicts(settings, 0) == []
    load_or_make_certificate(Places(tmp_path).keys, ["localhost"], NOW)
    assert _verdicts(settings, 700) == [("certificate", "ok"), ("authority", "ok")]
    assert _verdicts(settings, 800) == [("certificate", "warn"), ("authority", "ok")]
    assert _verdicts(settings, 821) == [("certificate", "bad"), ("authority", "ok")]
    assert _verdicts(settings, 3651) == [("certificate", "bad"), ("authority", "bad")]


def test_a_damaged_certificate_is_named(tmp_path: Path) -> None:
    load_or_make_certificate(Places(tmp_path).keys, ["localhost"], NOW)
    (Places(tmp_path).keys / "server.pem").write_text("nonsense")
    assert _verdicts(Settings(data=tmp_path), 0) == [("certificate", "bad"), ("authority", "ok")]


def test_a_certificate_of_the_user_is_checked_as_the_server_does(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    files = write_own(tmp_path, pem(TestAuthority().issue(key, end=NOW + timedelta(days=90))), pem_key(key))
    server = ServerSettings(tls_certificate_file=files.certificate, tls_key_file=files.key)
    settings = Settings(data=tmp_path, server=server)
    assert [_verdicts(settings, days)[0][1] for days in (0, 68, 70, 90)] == ["ok", "ok", "warn", "bad"]
    for half in (
        ServerSettings(tls_key_file=files.key),
        ServerSettings(tls_ca_file=files.key),
        ServerSettings(tls_next_file=files.key),
    ):
        assert _verdicts(Settings(data=tmp_path, server=half), 0) == [("certificate", "bad")]
    after = tmp_path / "next.pem"
    followed = replace(settings, server=replace(server, tls_next_file=after))
    assert _verdicts(followed, 0) == [("certificate", "bad")]
    after.write_bytes(pem(TestAuthority().issue(ec.generate_private_key(ec.SECP256R1()))))
    (check,) = check_certificates(followed, NOW)
    assert "hosts are told 1 key after it" in check.seen
