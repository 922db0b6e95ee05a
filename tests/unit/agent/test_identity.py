from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nagare.agent.identity import Identity, IdentityFiles
from nagare.config.places import Places
from nagare.keys.certificates import load_or_make_certificate
from nagare.keys.files import make_private_directory

SYSTEM_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    etc = tmp_path / "etc"
    etc.mkdir()
    return etc


@pytest.fixture
def files(places: Places, etc: Path) -> IdentityFiles:
    make_private_directory(places.spool)
    return IdentityFiles(places, etc)


def test_the_machines_id_is_salted_and_stable(files: IdentityFiles, etc: Path) -> None:
    (etc / "machine-id").write_text(SYSTEM_ID + "\n")
    ours = files.machine_id()
    assert ours == files.machine_id()
    assert len(ours) == 32
    assert ours != SYSTEM_ID


@pytest.mark.parametrize("content", [None, "", "uninitialized\n", "x" * 31, "-" * 32])
def test_a_machine_without_an_id_gets_one_that_stays(
    files: IdentityFiles, places: Places, etc: Path, content: str | None
) -> None:
    if content is not None:
        (etc / "machine-id").write_text(content)
    ours = files.machine_id()
    assert ours == IdentityFiles(places, etc).machine_id()
    assert len(ours) == 32
    assert (places.spool / "machine-id").stat().st_mode & 0o077 == 0


def test_an_identity_is_kept_for_its_owner_only_and_its_token_not_shown(files: IdentityFiles, places: Places) -> None:
    identity = Identity("own", "m1", "web1", "h1", "web1", "s3cret")
    assert files.load() is None
    files.save(identity)
    assert files.load() == identity
    assert "s3cret" not in repr(identity)
    assert (places.spool / "identity.json").stat().st_mode & 0o777 == 0o600
    assert places.spool.stat().st_mode & 0o777 == 0o700


def test_a_damaged_identity_counts_as_none(files: IdentityFiles, places: Places) -> None:
    (places.spool / "identity.json").write_bytes(b'{"server": 1')
    assert files.load() is None


def test_the_key_is_made_once(files: IdentityFiles, places: Places) -> None:
    key = files.load_key()
    assert files.load_key().public_key == key.public_key
    assert (places.spool / "agent.key").stat().st_mode & 0o777 == 0o600


def test_a_boot_is_new_until_it_was_told(files: IdentityFiles) -> None:
    assert files.is_new_boot("b1")
    files.save_boot("b1")
    assert not files.is_new_boot("b1")
    assert files.is_new_boot("b2")
    assert not files.is_new_boot("")


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(range(256))])
def test_a_damaged_key_is_set_aside_for_a_new_one(files: IdentityFiles, places: Places, content: bytes) -> None:
    (places.spool / "agent.key").write_bytes(content)
    (places.spool / "agent.key").chmod(0o600)
    key = files.load_key()
    assert files.load_key().public_key == key.public_key
    assert (places.spool / "agent.key.broken").read_bytes() == content


def test_a_renewed_authority_is_kept_only_if_its_key_is_the_same(files: IdentityFiles, tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def authority(folder: str, at: datetime) -> str:
        certificate = load_or_make_certificate(tmp_path / folder, ["localhost"], at)
        assert certificate.ca_file is not None
        return certificate.ca_file.read_text()

    first = authority("ours", now)
    files.renew_authority(first)
    assert not files.authority.exists(), "a host that pins a key keeps no authority"
    files.save_authority(first)
    for damaged in ("", "no certificate", first[:-40], first + first, "ä"):
        files.renew_authority(damaged)
    files.renew_authority(authority("others", now))
    assert files.authority.read_text() == first
    renewed = authority("ours", now + timedelta(days=3500))
    assert renewed != first
    files.renew_authority(renewed)
    assert files.authority.read_text() == renewed
    assert files.authority.stat().st_mode & 0o777 == 0o600
