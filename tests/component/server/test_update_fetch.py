"""An agent's own verification against a real server that tells lies: whatever it offers, only what is signed is taken."""

import asyncio
import platform
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nagare.agent.update.fetch import Fetcher, Ready
from nagare.agent.update.state import UpdateFiles
from nagare.client.client import Client
from nagare.client.target import Target
from nagare.errors import StorageError
from nagare.keys.signing import SigningKey
from nagare.lib.clock import SystemClock
from nagare.model.updates import lawful_arch
from nagare.updates.shelf import Shelf
from nagare.wire.updates import Bundle
from tests.component.server.conftest import Api
from tests.component.server.test_updates import able, start, upload
from tests.support.update_roles import DAY_MS, Publisher, bundle

ARCH = lawful_arch(platform.machine())
CONTENT = b"n" * (2**20 + 3)


async def allowed() -> bool:
    return True


@dataclass
class Agent:
    """An agent's way to updates, at a server whose shelf a test may fill as it likes."""

    api: Api
    publisher: Publisher
    files: UpdateFiles
    fetcher: Fetcher
    token: str

    def offer(self, shelf: Shelf) -> None:
        self.api.services.updates.publishing.shelf = shelf

    def shelf(self, *roots: str, targets: str = "", timestamp: str = "") -> Shelf:
        targets = targets or self.targets()
        return Shelf(roots or (self.root(),), targets, timestamp or self.timestamp(targets))

    def root(self, *also: SigningKey) -> str:
        return self.publisher.root(*also, expires_ms=self.api.now_ms() + 365 * DAY_MS)

    def targets(self, *keys: SigningKey, days: int = 90) -> str:
        return self.publisher.targets(*keys, expires_ms=self.api.now_ms() + days * DAY_MS)

    def timestamp(self, targets: str, *keys: SigningKey, days: int = 1) -> str:
        return self.publisher.timestamp(targets, *keys, expires_ms=self.api.now_ms() + days * DAY_MS)

    async def ask(self) -> Ready | None:
        async with Client(Target(self.api.running.url, self.token), is_lean=True) as client:
            return await self.fetcher.ask(client, allowed)

    async def refused(self) -> str:
        """Return why the offer of now is refused."""
        before = self.files.load_report()
        assert await self.ask() is None
        report = self.files.load_report()
        assert report is not None
        assert report != before
        assert report.outcome == "refused"
        # The next offer is another try.
        await self.ask()
        [rollout] = (await self.api.call("GET", "/api/v1/updates/rollouts")).json["rollouts"]
        assert rollout["hosts"][0]["reason"].startswith("refused: ")
        await self.api.call("POST", f"/api/v1/updates/rollouts/{rollout['id']}/resume")
        return report.reason.rpartition("(")[2].rstrip(")")


@pytest.fixture
async def agent(api: Api, tmp_path: Path) -> AsyncIterator[Agent]:
    files = UpdateFiles(tmp_path / "agent" / "updates")
    files.prepare()
    fetcher = Fetcher(files, None, SystemClock())
    made = Agent(api, Publisher(bundles=[bundle("0.2.0", CONTENT, ARCH)]), files, fetcher, await able(api, "web1"))
    made.publisher.targets_version, made.publisher.timestamp_version = 5, 5
    assert await upload(api, CONTENT) == 204
    made.offer(made.shelf())
    await start(api, version="0.2.0", canaries=["web1"])
    yield made
    fetcher.close()


def _version(agent: Agent, number: int) -> None:
    agent.publisher.targets_version = agent.publisher.timestamp_version = number


async def test_what_is_signed_is_fetched_in_pieces(agent: Agent) -> None:
    ready = await agent.ask()
    assert ready is not None
    assert ready.file.read_bytes() == CONTENT
    trust = agent.files.load_trust()
    assert trust is not None
    assert (trust.timestamp_version, trust.targets_version) == (5, 5)


async def test_lists_that_are_old_mixed_or_signed_by_others(agent: Agent) -> None:
    assert await agent.ask()
    root = agent.root()
    publisher = agent.publisher
    _version(agent, 4)
    agent.offer(agent.shelf(root))
    assert await agent.refused() == "rollback"
    _version(agent, 6)
    agent.offer(agent.shelf(root, timestamp=agent.timestamp(agent.targets(), days=0)))
    assert await agent.refused() == "freeze"
    agent.offer(agent.shelf(root, targets=agent.targets(days=-1)))
    assert await agent.refused() == "freeze"
    other = agent.targets(days=80)
    agent.offer(agent.shelf(root, targets=other, timestamp=agent.timestamp(agent.targets())))
    assert await agent.refused() == "mix-and-match"
    agent.offer(agent.shelf(root, targets=agent.targets(SigningKey.generate())))
    assert await agent.refused() == "unknown-key"
    agent.offer(agent.shelf(root, targets=agent.targets(publisher.timestamp_keys[0])))
    assert await agent.refused() == "wrong-role"
    spoiled = agent.targets().replace('"length":', '"length":1')
    agent.offer(agent.shelf(root, targets=spoiled))
    assert await agent.refused() == "bad-signature"


async def test_keys_that_were_replaced_and_files_that_are_not_there(agent: Agent) -> None:
    assert await agent.ask()
    root, publisher = agent.root(), agent.publisher
    _version(agent, 6)
    old_keys, publisher.targets_keys = publisher.targets_keys, [SigningKey.generate(), SigningKey.generate()]
    publisher.root_keys, publisher.threshold = [*publisher.root_keys, SigningKey.generate()], 2
    publisher.root_version = 2
    second = agent.root()
    agent.offer(agent.shelf(root, second, targets=agent.targets(*old_keys)))
    assert await agent.refused() == "unknown-key"
    agent.offer(agent.shelf(root, second, targets=agent.targets(publisher.targets_keys[0])))
    assert await agent.refused() == "too-few-signatures"
    publisher.bundles = [Bundle("nagare-agent-9.9.9-linux-x86_64.pyz", "0.2.0", ARCH, 1, "0" * 64)]
    agent.offer(agent.shelf(root, second))
    assert await agent.refused() == "malformed"
    publisher.bundles = [bundle("0.2.0", CONTENT, "riscv64")]
    agent.offer(agent.shelf(root, second))
    assert await agent.refused() == "not-listed"
    publisher.bundles = [bundle("0.2.0", CONTENT, ARCH)]
    _version(agent, 7)
    agent.offer(agent.shelf(root, second))
    assert await agent.ask(), "after all lies the truth is taken"
    trust = agent.files.load_trust()
    assert trust is not None
    assert trust.targets_version == 7


async def test_a_cut_download_goes_on_where_it_was_cut(agent: Agent) -> None:
    digest = agent.publisher.bundles[0].sha256
    agent.files.part_of(digest).write_bytes(CONTENT[:1000])
    ready = await agent.ask()
    assert ready is not None
    assert ready.file.read_bytes() == CONTENT
    assert not agent.files.part_of(digest).exists()


async def test_a_download_never_grows_beyond_what_is_signed(agent: Agent) -> None:
    digest = agent.publisher.bundles[0].sha256
    agent.files.part_of(digest).write_bytes(CONTENT + b"more than that")
    assert await agent.refused() == "wrong-length"
    assert not agent.files.part_of(digest).exists()
    agent.files.part_of(digest).write_bytes(b"x" * 1000)
    assert await agent.refused() == "wrong-hash"
    assert await agent.ask()


async def test_an_offer_is_tried_once(agent: Agent) -> None:
    agent.offer(agent.shelf(targets=agent.targets(SigningKey.generate())))
    assert await agent.ask() is None
    first = agent.files.load_report()
    agent.offer(agent.shelf())
    assert await agent.ask() is None, "the server has not asked to try again"
    assert agent.files.load_report() == first


async def test_damaged_trust_is_not_a_first_time(agent: Agent) -> None:
    assert await agent.ask()
    directory = agent.files.file_of("x").parent
    (directory / "trust.json").write_bytes(b"{}")
    with pytest.raises(StorageError):
        await agent.ask()


async def test_a_root_that_was_laid_down_is_the_only_one_trusted(agent: Agent, tmp_path: Path) -> None:
    stranger = Publisher(bundles=agent.publisher.bundles)
    laid = tmp_path / "root.json"
    laid.write_text(stranger.root(expires_ms=agent.api.now_ms() + DAY_MS))
    fetcher = Fetcher(agent.files, laid, SystemClock())
    agent.fetcher.close()
    agent.fetcher = fetcher
    assert await agent.refused() == "unknown-key"
    await asyncio.to_thread(laid.unlink)


async def test_an_earlier_version_needs_the_word_of_the_root(agent: Agent) -> None:
    publisher = agent.publisher
    publisher.bundles = [bundle("0.0.9", CONTENT, ARCH), bundle("0.2.0", CONTENT, ARCH)]
    [rollout] = (await agent.api.call("GET", "/api/v1/updates/rollouts")).json["rollouts"]
    await agent.api.call("POST", f"/api/v1/updates/rollouts/{rollout['id']}/abort")
    root = agent.root()
    agent.offer(agent.shelf(root))
    await start(agent.api, version="0.0.9", canaries=["web1"])
    assert await agent.ask() is None
    report = agent.files.load_report()
    assert report is not None
    assert "(downgrade)" in report.reason
    publisher.lowest_version, publisher.root_version = "0.0.9", 2
    agent.offer(agent.shelf(root, agent.root()))
    [begun, _] = (await agent.api.call("GET", "/api/v1/updates/rollouts")).json["rollouts"]
    await agent.api.call("POST", f"/api/v1/updates/rollouts/{begun['id']}/resume")
    ready = await agent.ask()
    assert ready is not None
    assert ready.bundle.version == "0.0.9"
