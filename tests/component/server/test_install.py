"""The script and the agent's file over HTTP: what is published goes before what the server makes itself."""

import asyncio
import hashlib
import io
import traceback
from pathlib import Path

import pytest

from nagare.bundles.contents import ARCHES, own_arch
from nagare.bundles.own import OwnFiles
from nagare.config.places import Places
from nagare.errors import StorageError
from nagare.lib.clock import SystemClock
from tests.component.server.conftest import Api

OTHER = next(arch for arch in ARCHES if arch != own_arch())


async def _publish(api: Api, version: str, arch: str, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    headers = {"Authorization": f"Bearer {api.admin}", "Content-Type": "application/octet-stream"}
    url = f"{api.running.url}/api/v1/updates/files/{digest}"
    async with api.session.put(url, data=io.BytesIO(content), headers=headers) as sent:
        assert sent.status == 204, await sent.text()
    name = f"nagare-agent-{version}-linux-{arch}.pyz"
    bundle = {"name": name, "version": version, "arch": arch, "length": len(content), "sha256": digest}
    answer = await api.call("POST", "/api/v1/updates", {"bundles": [bundle]})
    assert answer.status == 200, answer.raw
    return digest


async def test_a_processor_that_nobody_published_for_is_told_what_to_do(api: Api) -> None:
    answer = await api.call("GET", f"/api/v1/agent/bundle/{OTHER}", token=None)
    assert (answer.status, answer.code) == (404, "not-found")
    assert f"nagare bundle build --arch {OTHER}" in answer.json["hint"]
    assert (await api.call("GET", "/api/v1/agent/bundle/z80", token=None)).code == "input-invalid"
    script = (await api.call("GET", "/install.sh", token=None)).raw.decode()
    assert f"digest_{OTHER}=''\n" in script


async def test_what_is_published_goes_before_what_the_server_makes(api: Api) -> None:
    own = await api.call("GET", f"/api/v1/agent/bundle/{own_arch()}", token=None)
    assert own.status == 200
    assert own.raw.startswith(b"#!/usr/bin/env python3\n")
    script = (await api.call("GET", "/install.sh", token=None)).raw.decode()
    assert f"digest_{own_arch()}={hashlib.sha256(own.raw).hexdigest()}\n" in script
    # Longer than a piece; the later version is not the one that was published last.
    newest = await _publish(api, "9.10.0", own_arch(), b"new" * 700_001)
    await _publish(api, "9.9.0", own_arch(), b"old")
    sent = await api.call("GET", f"/api/v1/agent/bundle/{own_arch()}", token=None)
    assert sent.raw == b"new" * 700_001
    assert f"digest_{own_arch()}={newest}\n" in (await api.call("GET", "/install.sh", token=None)).raw.decode()
    head = await api.call("HEAD", f"/api/v1/agent/bundle/{own_arch()}", token=None)
    assert (head.status, head.headers["Content-Length"], head.raw) == (200, str(len(sent.raw)), b"")


async def test_the_script_names_the_address_that_was_asked_for_and_no_other(api: Api) -> None:
    script = await api.call("GET", "/install.sh", token=None)
    assert script.headers["Content-Type"].startswith("text/x-shellscript")
    assert f"    server={api.running.url}\n" in script.raw.decode()
    assert "@" + "URL@" not in script.raw.decode()
    refused = await api.call("GET", "/install.sh", token=None, headers={"Host": "evil.example$(id)"})
    assert refused.status == 403


async def test_a_fault_that_is_told_again_keeps_nothing_of_who_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    depths = []
    async with OwnFiles(tmp_path / "file" / "own-agent", SystemClock()) as files:
        for _ in range(4):
            with pytest.raises(StorageError) as told:
                await files.find(own_arch())
            depths.append(len(list(traceback.walk_tb(told.value.__traceback__))))
    assert depths[1] == depths[2] == depths[3]


async def test_the_own_file_is_built_once_and_a_damaged_one_again(tmp_path: Path) -> None:
    directory = Places(tmp_path).own_agent
    async with OwnFiles(directory, SystemClock()) as files:
        first, same = await asyncio.gather(files.find(own_arch()), files.find(own_arch()))
        assert first is same
    (path,) = directory.glob("*.pyz")
    stamp = path.stat().st_mtime_ns
    async with OwnFiles(directory, SystemClock()) as files:
        assert (await files.find(own_arch())).sha256 == first.sha256
        assert path.stat().st_mtime_ns == stamp
    path.write_bytes(path.read_bytes()[:-1])
    (directory / "left-over.pyz").write_bytes(b"of another version")
    async with OwnFiles(directory, SystemClock()) as files:
        found = await files.find(own_arch())
        pieces = b"".join([await files.read(found, offset) for offset in range(0, found.length, 2**20)])
        assert hashlib.sha256(pieces).hexdigest() == found.sha256 == first.sha256
    assert list(directory.glob("*.pyz")) == [path]
