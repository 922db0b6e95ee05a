"""One contract for every kind of bucket, against the real thing."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nagare.config.settings import BucketSettings
from nagare.errors import BucketUnavailableError, ConfigError
from nagare.lib.names import path_name
from nagare.metrics.bucket.bucket import open_objects
from nagare.metrics.bucket.objects import ObjectStore
from tests.component.bucket.conftest import Make
from tests.support.s3_server import S3Server


class StoppedError(Exception):
    """Somebody wants to stop."""


@pytest.fixture
def objects(bucket: Make) -> ObjectStore:
    return open_objects(bucket())


def _put(objects: ObjectStore, folder: Path, key: str, content: bytes) -> None:
    source = folder / "source"
    source.write_bytes(content)
    objects.put(key, source)


def _get(objects: ObjectStore, folder: Path, key: str) -> bytes:
    target = folder / "target"
    objects.get(key, target)
    return target.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 2**20, 11 * 2**20 + 7])
def test_what_was_put_comes_back(objects: ObjectStore, tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    _put(objects, tmp_path, "blocks/cpu/date=2026-01-01/1-2-ab.parquet", content[:size])
    assert _get(objects, tmp_path, "blocks/cpu/date=2026-01-01/1-2-ab.parquet") == content[:size]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() and "/" not in text))
def test_any_name_of_a_table_is_a_key(objects: ObjectStore, tmp_path: Path, name: str) -> None:
    key = f"blocks/{path_name(name)}/one"
    _put(objects, tmp_path, key, name.encode())
    assert _get(objects, tmp_path, key) == name.encode()
    assert key in objects.list("blocks")


def test_a_second_put_replaces_the_first(objects: ObjectStore, tmp_path: Path) -> None:
    _put(objects, tmp_path, "a/x", b"first and longer")
    _put(objects, tmp_path, "a/x", b"second")
    assert _get(objects, tmp_path, "a/x") == b"second"
    assert objects.list("a") == {"a/x": 6}


def test_lists_have_the_keys_below_a_folder_with_their_sizes(objects: ObjectStore, tmp_path: Path) -> None:
    assert objects.list("blocks") == {}
    for key, size in (("blocks/a/1", 3), ("blocks/b/d/2", 5), ("series/x", 7)):
        _put(objects, tmp_path, key, bytes(size))
    assert objects.list("blocks") == {"blocks/a/1": 3, "blocks/b/d/2": 5}
    assert objects.list("") == {"blocks/a/1": 3, "blocks/b/d/2": 5, "series/x": 7}


def test_deleted_objects_are_gone_and_those_that_are_not_there_no_fault(objects: ObjectStore, tmp_path: Path) -> None:
    for key in ("a/1", "a/2", "a/3"):
        _put(objects, tmp_path, key, b"x")
    objects.delete(["a/1", "a/3", "a/never"])
    objects.delete([])
    assert objects.list("a") == {"a/2": 1}


def test_what_is_not_there_is_told_as_that(objects: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _get(objects, tmp_path, "blocks/none")
    assert objects.get_bytes("owner.json") is None
    with pytest.raises(FileNotFoundError):
        objects.put("a/gone", tmp_path / "no such file")
    assert objects.list("") == {}


def test_small_objects(objects: ObjectStore) -> None:
    objects.put_bytes("owner.json", b"{}")
    assert objects.get_bytes("owner.json") == b"{}"
    objects.put_bytes("owner.json", b"[1]")
    assert objects.get_bytes("owner.json") == b"[1]"


def test_a_copy_can_be_stopped(objects: ObjectStore, tmp_path: Path) -> None:
    _put(objects, tmp_path, "a/x", bytes(3 * 2**20))

    def stop() -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        objects.get("a/x", tmp_path / "target", stop)
    assert (tmp_path / "target").stat().st_size < 3 * 2**20


def test_a_share_that_is_not_mounted_is_away(tmp_path: Path) -> None:
    objects = open_objects(BucketSettings(directory=tmp_path / "mnt"))
    for call in (lambda: objects.list(""), lambda: objects.put_bytes("a", b""), lambda: objects.get_bytes("a")):
        with pytest.raises(BucketUnavailableError, match="not mounted"):
            call()


def test_a_service_that_is_away_is_told_without_secrets(service: S3Server, tmp_path: Path) -> None:
    settings = service.settings("away", endpoint="http://127.0.0.1:9")
    objects = open_objects(settings)
    with pytest.raises(BucketUnavailableError, match="s3://blocks/away") as raised:
        objects.put_bytes("a", b"x")
    assert "a-secret-that-nobody-may-see" not in str(raised.value)
    with pytest.raises(BucketUnavailableError):
        open_objects(service.settings("x", name="no-such-bucket")).put_bytes("a", b"x")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "http://minio.example:9000"}, "in clear"),
        ({"endpoint": "ftp://x"}, "not http"),
        ({"endpoint": "https://x/path"}, "not http"),
        ({"secret_key_file": None}, "only one of"),
        ({"secret_key_file": Path("/nowhere")}, "no such file"),
        ({"directory": Path("/share")}, "both"),
    ],
)
def test_settings_that_cannot_work_are_refused(service: S3Server, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        open_objects(service.settings("x", **changes))
