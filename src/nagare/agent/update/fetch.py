"""Asks for an update, verifies what says which there are against the agent's own trust, and fetches the file.

The server decides when; what may be installed is decided here, by signatures. A download goes on where it was cut, never
grows beyond its signed length, and gets its name only once its digest is the signed one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from nagare import __version__
from nagare.agent.update.state import Report, UpdateFiles, digest_of
from nagare.client.client import Client
from nagare.client.updates import UpdateCalls
from nagare.errors import InputError, StorageError, UpdateRefusedError
from nagare.keys.update_roles.choice import check_file, choose
from nagare.keys.update_roles.verify import Accepted, trusted_root, verify
from nagare.lib.atomic_file import sync_directory
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.updates import Reason, lawful_arch
from nagare.wire.rollouts import UpdateOffer, UpdateReport
from nagare.wire.updates import Bundle, Trust

T = TypeVar("T")
MayUpdate = Callable[[], Awaitable[bool]]
log = logging.getLogger(__name__)
_REASON_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that may be tried."""

    file: Path
    bundle: Bundle
    rollout: str


class Fetcher:
    """One agent's way to updates. Used by one task; ``close`` ends its thread."""

    def __init__(self, files: UpdateFiles, root_file: Path | None, clock: Clock) -> None:
        """Trust ``root_file`` first where one is laid down, else the first root that the server shows."""
        self._files = files
        self._root_file = root_file
        self._clock = clock
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="update")

    def close(self) -> None:
        """Wait for what is being written."""
        self._disk.shutdown()

    async def ask(self, client: Client, may_update: MayUpdate) -> Ready | None:
        """Return a verified file to try, None when there is none. Raises like every call, and StorageError.

        What is refused is kept as the report of this offer, which is then not tried again. ``may_update`` is asked before
        each piece and after the last: a grant that is withdrawn meanwhile leaves nothing behind, and the offer open.
        """
        trust = await self._on_disk(self._load_trust)
        last = self._files.load_report()
        offer = await UpdateCalls(client).ask(self._report(trust, last))
        if offer.metadata is None or offer.version == __version__:
            return None
        if last is not None and last.rollout == offer.rollout:
            return None
        try:
            return await self._fetched(client, trust, offer, may_update)
        except UpdateRefusedError as error:
            log.warning("update_refused version=%s reason=%s", plain(offer.version, 40), error.message)
            report = Report(offer.rollout, plain(offer.version, 40), "refused", plain(error.message, _REASON_LIMIT))
            await self._on_disk(partial(self._files.save_report, report))
            return None

    async def _fetched(
        self, client: Client, trust: Trust | None, offer: UpdateOffer, may_update: MayUpdate
    ) -> Ready | None:
        accepted, bundle = self._accepted(trust, offer)
        # Kept before anything is fetched: what was seen once is never unseen, whatever becomes of the file.
        await self._on_disk(partial(self._files.save_trust, accepted.trust))
        is_here = await self._on_disk(partial(self._files.has, bundle))
        if not ((is_here or await self._download(client, bundle, may_update)) and await may_update()):
            await self._on_disk(partial(self._files.forget, bundle.sha256))
            return None
        return Ready(self._files.file_of(bundle.sha256), bundle, offer.rollout)

    def _accepted(self, trust: Trust | None, offer: UpdateOffer) -> tuple[Accepted, Bundle]:
        assert offer.metadata is not None
        accepted = verify(trust, offer.metadata, self._clock.now_ms())
        arch = lawful_arch(platform.machine())
        try:
            bundle = choose(accepted.targets, accepted.root, version=offer.version, arch=arch, running=__version__)
        except UpdateRefusedError:
            raise
        except InputError as error:
            raise UpdateRefusedError(error.message, reason=Reason.MALFORMED) from error
        return accepted, bundle

    async def _download(self, client: Client, bundle: Bundle, may_update: MayUpdate) -> bool:
        """Fetch what is missing of ``bundle``; tell whether that was allowed to the end. Raises UpdateRefusedError."""
        part = self._files.part_of(bundle.sha256)
        calls = UpdateCalls(client)
        length = await self._on_disk(partial(_length_of, part))
        while length <= bundle.length:
            if not await may_update():
                return False
            piece = await calls.fetch_piece(bundle.sha256, length)
            if not piece:
                break
            # One byte beyond the signed length is enough to refuse it, and all that is ever written.
            length = await self._on_disk(partial(_append, part, piece[: bundle.length + 1 - length]))
        await self._on_disk(partial(self._settle, part, bundle, length))
        return True

    def _settle(self, part: Path, bundle: Bundle, length: int) -> None:
        try:
            check_file(bundle, length, digest_of(part) if length else "")
        except UpdateRefusedError:
            part.unlink(missing_ok=True)
            raise
        part.replace(self._files.file_of(bundle.sha256))
        sync_directory(part.parent)

    def _load_trust(self) -> Trust | None:
        trust = self._files.load_trust()
        if trust is None and self._root_file is not None:
            try:
                trust = Trust(self._root_file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise StorageError(f"cannot read root of updates {self._root_file}: {error}") from error
            # Must read and be lawful before anything is held against it.
            trusted_root(trust)
        return trust

    def _report(self, trust: Trust | None, last: Report | None) -> UpdateReport:
        return UpdateReport(
            version=__version__,
            arch=lawful_arch(platform.machine()),
            root_version=0 if trust is None else trusted_root(trust).version,
            rollout="" if last is None else last.rollout,
            outcome="" if last is None else last.outcome,
            reason="" if last is None else last.reason,
        )

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)


def _length_of(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _append(part: Path, piece: bytes) -> int:
    try:
        with part.open("ab") as file:
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            return file.tell()
    except OSError as error:
        raise StorageError(f"cannot write {part}: {error.strerror}") from error
