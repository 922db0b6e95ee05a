"""What doctor says of certificates: of their age, and of damage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nagare.cli.offline.checks.certificates import check_certificates
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.keys.certificates import load_or_make_certificate

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
