"""The knowledge base over real records: incremental, durable, and deaf to who may not ask."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nagare.config.diagnosis import KbSettings
from nagare.diagnosis.kb import store
from nagare.diagnosis.kb.service import KnowledgeBase
from nagare.errors import ConflictError, InputError, LimitExceededError, NotFoundError, PermissionDeniedError
from nagare.lib.clock import ManualClock
from nagare.model.principal import ADMIN_PERMISSIONS, Permission, Principal, PrincipalKind
from nagare.records.engine import Records
from tests.support.migrated import place_records

OWNER = Principal("1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
BOB = Principal("2", "bob", frozenset({Permission.KB_READ, Permission.KB_WRITE}), kind=PrincipalKind.USER)
SETTINGS = KbSettings(embeddings="off")


@asynccontextmanager
async def _open(
    folder: Path, settings: KbSettings = SETTINGS, clock: ManualClock | None = None
) -> AsyncIterator[KnowledgeBase]:
    if not (folder / "records.db").exists():
        place_records(folder / "records.db")
    async with (
        Records(folder / "records.db") as records,
        KnowledgeBase(records, settings, folder / "data", clock or ManualClock()) as kb,
    ):
        yield kb


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A directory of two pages."""
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "lag.md").write_text("# Standby far behind\n\nThe follower of postgres applies changes late.\n")
    (folder / "kafka.md").write_text("# Consumer stuck\n\nThe consumer group of kafka makes no progress.\n")
    return folder


async def test_a_sync_takes_up_what_changed_and_forgets_what_is_gone(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        added = await kb.add(OWNER, str(pages))
        assert (added.source.name, added.source.pages, added.added) == ("runbooks", 2, 2)
        assert [one.path for one in await kb.search("kafka consumer group stuck", 1)] == ["kafka.md"]
        (pages / "kafka.md").unlink()
        (pages / "lag.md").write_text("# Standby far behind\n\nThe follower of mysql applies changes late.\n")
        (pages / "new.md").write_text("# Mail stays\n\nThe queue of postfix grows.\n")
        (pages / "bad.md").write_bytes(b"\0")
        synced = await kb.sync("runbooks")
        assert (synced.added, synced.changed, synced.removed, synced.unchanged) == (1, 1, 1, 0)
        assert synced.source.skipped == {"bad.md": "binary"}
        assert "kafka.md" not in [one.path for one in await kb.search("kafka consumer group lags")]
        assert [one.path for one in await kb.search("postfix queue grows")][:1] == ["new.md"]
        again = await kb.sync("runbooks")
        assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, 2)


async def test_pages_outlive_a_restart_and_their_directory(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages), "ops")
    _take_away(pages)
    async with _open(tmp_path) as kb:
        (found,) = await kb.search("standby of postgres far behind", 1)
        assert (found.source, found.path, found.first, found.last) == ("ops", "lag.md", 1, 3)
        with pytest.raises(InputError, match="no such directory"):
            await kb.sync("ops")
        (shipped, source) = await kb.sources()
        assert (shipped.name, source.pages) == ("shipped", 2)
        assert "no such directory" in source.fault
        await kb.remove("ops")
        assert [one.name for one in await kb.sources()] == ["shipped"]
        assert "ops" not in [one.source for one in await kb.search("standby of postgres far behind")]


async def test_a_user_may_have_read_what_the_settings_allow(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        with pytest.raises(PermissionDeniedError, match=r"kb\.directories|none that this server"):
            await kb.add(BOB, str(pages))
    allowing = replace(SETTINGS, directories=(str(pages),))
    async with _open(tmp_path, allowing) as kb:
        assert (await kb.add(BOB, str(pages))).source.added_by == "bob"
    async with _open(tmp_path) as kb:
        # What is allowed no more is not read again; what was read stays.
        with pytest.raises(PermissionDeniedError):
            await kb.sync("runbooks")
        assert await kb.search("kafka consumer group lags")


async def test_a_directory_that_became_a_link_is_not_followed(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages))
        _put_link(pages)
        with pytest.raises(InputError, match="a link stands in its place"):
            await kb.sync("runbooks")


async def test_files_are_looked_at_on_the_thread_alone(
    tmp_path: Path, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set[str]()
    for name in ("resolve", "is_dir"):
        monkeypatch.setattr(Path, name, _noting(getattr(Path, name), threads))
    async with _open(tmp_path) as kb:
        threads.clear()
        await kb.add(OWNER, str(pages))
        await kb.sync("runbooks")
    assert {name.rpartition("_")[0] for name in threads} == {"kb-pages"}


async def test_a_file_server_that_is_gone_holds_up_no_question(
    tmp_path: Path, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, is_back = threading.Event(), threading.Event()
    is_dir = Path.is_dir

    def gone(path: Path) -> bool:
        reached.set()
        return is_back.wait(60) and is_dir(path)

    async with _open(tmp_path) as kb, asyncio.timeout(60), asyncio.TaskGroup() as group:
        monkeypatch.setattr(Path, "is_dir", gone)
        adding = group.create_task(kb.add(OWNER, str(pages)))
        try:
            await asyncio.to_thread(reached.wait, 60)
            assert await kb.search("disk is full", 5, OWNER)
            assert not adding.done()
        finally:
            is_back.set()
        assert (await adding).added == 2


async def test_a_directory_is_a_source_once(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages))
        with pytest.raises(ConflictError, match="source runbooks has this directory"):
            await kb.add(OWNER, f"{pages}/.", "again")


@pytest.mark.parametrize(("name", "limit"), [("PAGES_LIMIT", 3), ("TOTAL_LIMIT_BYTES", 200)])
async def test_all_sources_together_have_a_bound(
    tmp_path: Path, pages: Path, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(store, name, limit)
    more = tmp_path / "more"
    _put_pages(more, 2)
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages))
        with pytest.raises(LimitExceededError, match=f"more than {limit}"):
            await kb.add(OWNER, str(more))
        assert [one.name for one in await kb.sources()] == ["shipped", "runbooks"]
        _put_pages(pages, 2)
        with pytest.raises(LimitExceededError):
            await kb.sync("runbooks")
        (_, source) = await kb.sources()
        assert (source.pages, "all sources together" in source.fault) == (2, True)
        # Where there is too much already, less of it is taken up.
        monkeypatch.setattr(store, name, 1)
        _take_away_pages(pages, "0.md", "1.md", "lag.md")
        assert (await kb.sync("runbooks")).removed == 1


async def test_names_are_taken_once(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages))
        with pytest.raises(ConflictError):
            await kb.add(OWNER, str(pages))
        with pytest.raises(InputError):
            await kb.add(OWNER, str(pages), "shipped")
        with pytest.raises(InputError):
            await kb.remove("shipped")
        for verb in (kb.remove, kb.sync):
            with pytest.raises(NotFoundError):
                await verb("none")
        assert (await kb.sync("shipped")).unchanged == 28


async def test_who_may_not_read_finds_nothing(tmp_path: Path) -> None:
    async with _open(tmp_path) as kb:
        assert await kb.search("disk is full", 5, OWNER)
        assert await kb.search("disk is full", 5, Principal("3", "eve")) == ()


async def test_the_page_of_a_passage(tmp_path: Path, pages: Path) -> None:
    async with _open(tmp_path) as kb:
        await kb.add(OWNER, str(pages))
        (found,) = await kb.search("kafka consumer group lags", 1)
        page = await kb.page(found)
        assert page is not None
        assert page.title == "Consumer stuck"
        assert await kb.page(replace(found, path="gone.md")) is None


async def test_sources_are_read_again_by_themselves(tmp_path: Path, pages: Path) -> None:
    clock = ManualClock()
    async with _open(tmp_path, clock=clock) as kb:
        await kb.add(OWNER, str(pages))
        (pages / "new.md").write_text("# Mail stays\n\nThe queue of postfix grows.\n")
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            running = group.create_task(kb.run())
            while (await kb.sources())[1].pages < 3:
                await clock.advance(SETTINGS.sync_seconds)
            running.cancel()


def _noting(method: Callable[..., object], threads: set[str]) -> Callable[..., object]:
    def noted(*given: object, **named: object) -> object:
        threads.add(threading.current_thread().name)
        return method(*given, **named)

    return noted


def _put_pages(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text("# A page\n\nWith a line that takes its fifty bytes.\n")


def _take_away_pages(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).unlink()


def _take_away(pages: Path) -> None:
    for page in pages.iterdir():
        page.unlink()
    pages.rmdir()


def _put_link(pages: Path) -> None:
    elsewhere = pages.with_name("elsewhere")
    pages.rename(elsewhere)
    pages.symlink_to(elsewhere)
