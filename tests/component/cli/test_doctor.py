"""Broken installations and what doctor says of them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.cli.offline.checks.files import check_files
from nagare.cli.offline.checks.installation import check_directory, check_owner
from nagare.cli.offline.checks.service import check_service
from nagare.cli.offline.checks.verdict import Check
from nagare.config.places import Places
from nagare.config.settings import ClientSettings, ServerSettings, Settings
from nagare.metrics.blocks.catalog import Catalog


@pytest.fixture
def sound(places: Places) -> Places:
    """An installation as a clean stop leaves it."""
    places.data.mkdir(mode=0o700, exist_ok=True)
    for directory in (places.run, places.log, places.metrics, places.keys, places.spool):
        directory.mkdir()
    places.lock.touch()
    for secret in (places.token, places.spool / "identity.json", places.spool / "agent.key"):
        secret.write_text("secret")
        secret.chmod(0o600)
    catalog = Catalog(places.catalog)
    catalog.open()
    catalog.close()
    with closing(sqlite3.connect(places.records)) as records:
        records.execute("create table hosts (id text)")
    return places


def _checks(settings: Settings) -> list[Check]:
    return [*check_directory(settings), *check_owner(settings), *check_files(settings), *check_service(settings)]


def _bad(settings: Settings) -> list[Check]:
    return [check for check in _checks(settings) if check.verdict == "bad"]


@pytest.mark.usefixtures("sound")
def test_a_sound_installation_at_rest_has_nothing_bad(settings: Settings) -> None:
    settings = replace(settings, server=ServerSettings(listen="127.0.0.1:0"))
    assert _bad(settings) == []
    assert {"metric files", "records", "secrets"} <= {check.name for check in _checks(settings)}


def _run_is_a_file(places: Places) -> None:
    for path in places.run.iterdir():
        path.unlink()
    places.run.rmdir()
    places.run.touch()


@pytest.mark.parametrize(
    ("break_it", "name", "seen", "mend"),
    [
        (lambda places: places.data.chmod(0o755), "data directory", "open to others (mode 0755)", "chmod 700"),
        (lambda places: places.token.chmod(0o644), "secrets", "run/token", "chmod 600"),
        (lambda places: (places.spool / "identity.json").chmod(0o640), "secrets", "identity.json", "chmod 600"),
        (lambda places: (places.spool / "agent.key").chmod(0o604), "secrets", "agent.key", "chmod 600"),
        (lambda places: places.catalog.write_bytes(b"x" * 5000), "metric files", "not a database", "move "),
        (lambda places: places.records.write_bytes(b"x" * 5000), "records", "not a database", "restore it"),
        (_run_is_a_file, "files", "run is no directory", "move "),
    ],
)
def test_what_is_broken_is_told_with_its_mend(
    sound: Places, settings: Settings, break_it: Callable[[Places], None], name: str, seen: str, mend: str
) -> None:
    break_it(sound)
    found = {check.name: check for check in _bad(replace(settings, server=ServerSettings(listen="127.0.0.1:0")))}
    assert seen in found[name].seen
    assert mend in found[name].mend


def test_a_file_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert [check.seen for check in check_directory(Settings(data=tmp_path / "file"))] == [
        f"{tmp_path / 'file'} is no directory"
    ]


def test_an_authority_that_is_missing_ends_no_report(settings: Settings, tmp_path: Path) -> None:
    client = ClientSettings(server="https://127.0.0.1:1", ca_file=tmp_path / "none.pem")
    [check] = check_service(replace(settings, client=client))
    assert (check.name, check.verdict) == ("configuration", "bad")


def test_an_address_of_another_machine_is_not_called_taken(settings: Settings) -> None:
    checks = check_owner(replace(settings, server=ServerSettings(listen="192.0.2.1:8750")))
    [told] = [check for check in checks if check.name == "listen address"]
    assert told.mend == "set server.listen to an address of this machine"
