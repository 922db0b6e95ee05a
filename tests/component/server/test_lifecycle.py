"""Starting, stopping and starting again: lock, note, TLS, and what must outlive a restart."""

import json
import os
import ssl
import stat
from pathlib import Path

import aiohttp
import pytest

from nagare.config.places import Places
from nagare.errors import ConfigError, ConflictError, LockedError, ReadOnlyError, StorageError
from nagare.net.session import HttpSession
from nagare.net.trust import Trust
from nagare.server.lifecycle import serving
from tests.component.server.conftest import Serve, on_loopback


@pytest.fixture
def serve(serve_with_rules: Serve) -> Serve:
    """As people start one: it stops while it judges, too."""
    return serve_with_rules


async def test_the_note_says_where_the_server_is_while_it_listens(serve: Serve) -> None:
    note = Places(serve.data).server_note
    async with serve() as api:
        written = json.loads(note.read_text())
        assert written["url"] == api.running.url == f"http://127.0.0.1:{api.running.port}"
        assert written["pid"] == os.getpid()
        assert written["ca"] == ""
        assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert not note.exists()


async def test_a_second_server_is_told_who_serves(serve: Serve) -> None:
    async with serve() as api:
        with pytest.raises(LockedError) as refused:
            async with serving(on_loopback(serve.data)):
                pass
        assert refused.value.context["pid"] == os.getpid()
        assert str(os.getpid()) in refused.value.message
        # The one that was refused took nothing away from the one that runs.
        assert Places(serve.data).server_note.exists()
        assert (await api.call("GET", "/api/v1/status")).status == 200
    async with serve():
        pass


async def test_hosts_tokens_and_samples_outlive_a_restart(serve: Serve) -> None:
    async with serve() as api:
        token = await api.register(labels={"rack": "7"})
        assert (await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=1), token=token)).status == 200
        await api.call("POST", "/api/v1/events", {"text": "note", "host": "web1", "id": "e1"})
        before = (await api.call("GET", "/api/v1/hosts/web1")).json
    async with serve() as api:
        after = (await api.call("GET", "/api/v1/hosts/web1")).json
        assert {**after, "state": ""} == {**before, "state": ""}
        again = await api.call("POST", "/api/v1/metrics/batch", api.batch(seq=1), token=token)
        assert again.json["duplicate"] is True
        assert (await api.sql("select count(*) from cpu")) == [[2]]
        events = (await api.call("GET", "/api/v1/events")).json["events"]
        assert [event["id"] for event in events] == ["e1"]
        assert (await api.sql("select host, state, labels from hosts")) == [["web1", "up", {"rack": "7"}]]


async def test_an_address_in_use_is_named(serve: Serve, tmp_path: Path) -> None:
    async with serve() as api:
        taken = f"127.0.0.1:{api.running.port}"
        with pytest.raises(ConflictError, match=taken):
            async with serving(on_loopback(tmp_path / "other", listen=taken)):
                pass


@pytest.mark.parametrize(
    "listen", ["", "nowhere", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "::1:8750", "1.2.3.4:0"]
)
async def test_a_useless_address_is_named(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigError):
        async with serving(on_loopback(tmp_path / "data", listen=listen, insecure=True, announce=False)):
            pass


async def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadOnlyError, match="data directory"):
        async with serving(on_loopback(tmp_path / "file" / "data")):
            pass


async def test_beyond_loopback_means_tls(serve: Serve) -> None:
    places = Places(serve.data)
    async with serve(listen="0.0.0.0:0", announce=False) as api:
        certificate = api.running.certificate
        assert certificate is not None
        assert api.running.url == f"https://127.0.0.1:{api.running.port}"
        note = json.loads(places.server_note.read_text())
        assert note["ca"] == str(certificate.ca_file)
        context = ssl.create_default_context(cafile=note["ca"])
        for host in ("127.0.0.1", "localhost"):
            async with api.session.get(f"https://{host}:{api.running.port}/health", ssl=context) as answer:
                assert answer.status == 200
        async with HttpSession(api.running.url, trust=Trust(pin=certificate.pin)) as session:
            assert (await session.request("GET", "/health")).status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await api.session.get(api.running.url + "/health")
        with pytest.raises(aiohttp.ClientError):
            await api.session.get(f"http://127.0.0.1:{api.running.port}/health")
        assert stat.S_IMODE(places.keys.stat().st_mode) == 0o700
        for file in places.keys.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    async with serve(listen="0.0.0.0:0", announce=False) as again:
        assert again.running.certificate is not None
        assert again.running.certificate.pin == certificate.pin


async def test_insecure_is_a_choice(serve: Serve) -> None:
    async with serve(listen="0.0.0.0:0", insecure=True, announce=False) as api:
        assert api.running.url.startswith("http://127.0.0.1:")
        assert not list(Places(serve.data).keys.glob("*.pem"))
        assert (await api.call("GET", "/api/v1/status")).status == 200


@pytest.mark.parametrize("name", ["server.json", "token", "lock"])
async def test_a_note_that_cannot_be_written_is_named(serve: Serve, name: str) -> None:
    (serve.data / "run" / name).mkdir(parents=True)
    with pytest.raises(StorageError, match=f"cannot (write|lock) .*{name}: "):
        async with serve():
            pass
