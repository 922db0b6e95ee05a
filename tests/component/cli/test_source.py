"""Which of the two answers: the live server, or the files."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nagare.cli.offline.source import ask, describe
from nagare.client.owner import find_owner, shared
from nagare.config.places import Places
from nagare.config.settings import ClientSettings, Settings
from nagare.errors import ConnectFailedError, NotReadyError
from nagare.wire.codec import encode
from nagare.wire.sql import SqlRequest
from nagare.wire.system import ServerNote

ONE = SqlRequest("select 1 as n")


@contextmanager
def held(places: Places, text: str = "4711\n") -> Iterator[None]:
    """Hold the lock as a server does."""
    places.run.mkdir(parents=True, exist_ok=True)
    with places.lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        yield


@pytest.fixture
def empty(places: Places) -> Places:
    """An installation without a server and without samples."""
    places.run.mkdir(parents=True)
    return places


def test_the_owner_is_who_holds_the_lock(empty: Places) -> None:
    assert find_owner(empty.lock) is None
    with held(empty):
        assert find_owner(empty.lock) == 4711
    assert find_owner(empty.lock) is None
    with held(empty, ""):
        assert find_owner(empty.lock) == 0
    with held(empty, "garbage"):
        assert find_owner(empty.lock) == 0


def test_without_a_server_the_files_answer(empty: Places, settings: Settings) -> None:
    assert ask(settings, ONE).rows == [[1]]
    assert {"cpu", "events"} <= {view.name for view in describe(settings)}


def test_a_note_whose_pid_went_to_a_stranger_is_left_over(empty: Places, settings: Settings) -> None:
    empty.lock.touch()
    empty.token.write_text("token")
    empty.token.chmod(0o600)
    empty.server_note.write_bytes(encode(ServerNote("http://127.0.0.1:1", os.getpid())))
    assert ask(settings, ONE).rows == [[1]]


def test_files_are_not_read_under_a_server_that_starts(empty: Places, settings: Settings) -> None:
    with held(empty), pytest.raises(NotReadyError, match="process 4711 is starting or stopping"):
        ask(settings, ONE)


def test_no_server_starts_while_files_are_read(empty: Places) -> None:
    empty.lock.touch()
    with shared(empty.lock) as owner, empty.lock.open() as server, shared(empty.lock) as second:
        assert (owner, second) == (None, None)
        with pytest.raises(BlockingIOError):
            fcntl.flock(server, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_file_is_no_installation(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(ConnectFailedError, match="it is no directory"):
        ask(Settings(data=tmp_path / "data"), ONE)


def test_no_installation_is_told(settings: Settings) -> None:
    with pytest.raises(ConnectFailedError, match="there is none"):
        ask(settings, ONE)


def test_a_server_that_was_named_must_answer(empty: Places) -> None:
    settings = Settings(data=empty.data, client=ClientSettings(server="http://127.0.0.1:1"))
    with pytest.raises(ConnectFailedError):
        ask(settings, ONE)
