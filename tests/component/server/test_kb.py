"""The knowledge base over HTTP: who may have what read, and what is found."""

from pathlib import Path
from typing import Any

import pytest

from nagare.client.client import Client
from nagare.client.kb import KbCalls
from nagare.client.target import Target
from nagare.config.diagnosis import KbSettings
from nagare.errors import NotFoundError
from tests.component.server.conftest import Api, Serve

KB = "/api/v1/kb"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A directory of one page."""
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "kafka.md").write_text("# Consumer stuck\n\nThe consumer group of kafka makes no progress \x1b[31m.\n")
    return folder


async def _token(api: Api, role: str) -> str:
    user = {"name": role, "password": "correct horse battery", "grants": [{"role": role}]}
    assert (await api.call("POST", "/api/v1/users", user)).status == 200
    login = {"user": role, "password": "correct horse battery"}
    return str((await api.call("POST", "/api/v1/auth/login", login, token=None)).json["access_token"])


async def test_a_source_from_its_adding_to_its_end(api: Api, pages: Path) -> None:
    async with Client(Target(api.running.url, api.admin), deadline_seconds=30) as client:
        calls = KbCalls(client)
        added = await calls.add(str(pages))
        assert (added.source.name, added.added) == ("runbooks", 1)
        (found,) = await calls.search("kafka: consumer group makes no progress", 1)
        assert (found.rank, found.document, found.lines, found.heading) == (1, "kafka.md", "1-3", "Consumer stuck")
        assert found.file == str(pages / "kafka.md")
        assert "\x1b" not in found.passage
        assert await calls.search("who wrote the opera about a barber") == []
        assert [one.name for one in await calls.sources()] == ["shipped", "runbooks"]
        (pages / "kafka.md").unlink()
        assert (await calls.sync("runbooks")).removed == 1
        await calls.remove("runbooks")
        with pytest.raises(NotFoundError):
            await calls.remove("runbooks")
    entries = (await api.call("GET", "/api/v1/audit?limit=20")).json["entries"]
    told = {entry["action"]: entry["target"] for entry in entries if entry["outcome"] == "done"}
    assert {"kb.add": "runbooks", "kb.sync": "runbooks", "kb.remove": "runbooks"}.items() <= told.items()


async def test_nobody_has_files_read_that_the_settings_do_not_allow(serve: Serve, pages: Path, tmp_path: Path) -> None:
    (pages / "out").symlink_to(tmp_path)
    async with serve(sections={"kb": KbSettings(directories=(str(pages),))}) as api:
        operator = await _token(api, "operator")
        for place in (str(tmp_path), "/etc", str(pages / "out"), f"{pages}/..", "/no/such/place"):
            refused = await api.call("POST", KB, {"directory": place}, token=operator)
            assert (refused.status, refused.code) == (403, "permission-denied"), place
        assert (await api.call("POST", KB, {"directory": str(pages)}, token=operator)).status == 200
        viewer = await _token(api, "viewer")
        for method, path, body in (
            ("POST", KB, {"directory": str(pages)}),
            ("POST", f"{KB}/runbooks/sync", None),
            ("DELETE", f"{KB}/runbooks", None),
        ):
            assert (await api.call(method, path, body, token=viewer)).status == 403
        assert (await api.call("POST", f"{KB}/search", {"text": "disk full"}, token=viewer)).json["passages"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (KB, {"directory": "runbooks"}),
        (KB, {"directory": "/", "name": "a b"}),
        (f"{KB}/search", {"text": "x", "limit": 0}),
        (f"{KB}/search", {"text": "x" * 40_000}),
        (f"{KB}/search", {}),
    ],
)
async def test_what_is_not_lawful_is_refused(api: Api, path: str, body: Any) -> None:
    assert (await api.call("POST", path, body)).status == 400
