"""Publishing: what is handed in or signed here is verified as an agent would, and only then kept and told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from nagare.errors import InputError, NotFoundError, UpdateRefusedError
from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.choice import check_bundle, check_file
from nagare.keys.update_roles.documents import add_signature
from nagare.lib.clock import Clock
from nagare.lib.rfc3339 import format_ms
from nagare.model.updates import ROOT, TARGETS, TIMESTAMP, Reason
from nagare.updates.files import BundleFiles
from nagare.updates.shelf import OwnKey, Shelf, merged, next_number, renewed
from nagare.updates.store import UpdateStore
from nagare.wire.rollouts import DocumentView, PublishRequest, UpdatesView
from nagare.wire.updates import Bundle, Root, Targets, Timestamp

T = TypeVar("T")
log = logging.getLogger(__name__)
PIECE_LIMIT_BYTES = 2**20
_BUNDLES_LIMIT = 64


class Publishing:
    """What is published. Documents are kept in memory and written through."""

    def __init__(self, store: UpdateStore, files: BundleFiles, key: SigningKey, clock: Clock) -> None:
        """Keep the parts; ``load`` reads."""
        self._store = store
        self._files = files
        self._own = OwnKey(key)
        self._clock = clock
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="bundles")
        self._lock = asyncio.Lock()
        self.shelf = Shelf()

    async def load(self) -> None:
        """Read what was published, and renew what the server signs itself."""
        found = await self._store.load_documents()
        self.shelf = Shelf(tuple(text for _, text in found[ROOT]), _last(found[TARGETS]), _last(found[TIMESTAMP]))
        await self.renew()

    def close(self) -> None:
        """Take no more files."""
        self._disk.shutdown()

    async def upload(self, sha256: str, content: bytes) -> None:
        """Keep a bundle for the list that will name it. Raises InputError, LimitExceededError, StorageError."""
        await self._on_disk(partial(self._files.put, sha256, content))

    async def read(self, sha256: str, offset: int) -> bytes:
        """Return a piece of a listed bundle. Raises NotFoundError."""
        if self.shelf.is_empty or all(bundle.sha256 != sha256 for bundle in self.shelf.listed.bundles):
            raise NotFoundError(f"cannot send bundle {sha256[:12]}: it is not published")
        return await self._on_disk(partial(self._files.read, sha256, offset, PIECE_LIMIT_BYTES))

    async def publish(self, request: PublishRequest) -> UpdatesView:
        """Publish what ``request`` holds. Raises UpdateRefusedError with the reason, and then nothing has changed."""
        async with self._lock:
            if request == PublishRequest():
                raise InputError("cannot publish nothing: name bundles or signed documents")
            now_ms = self._clock.now_ms()
            offered = self._offered(request, now_ms)
            if Shelf(offered.roots[:1]).root.version != 1:
                raise InputError("cannot publish a first root that is not number 1")
            accepted = self.shelf.checked(offered, now_ms)
            if len(accepted.targets.bundles) > _BUNDLES_LIMIT:
                raise InputError(f"cannot publish more than {_BUNDLES_LIMIT} bundles")
            for bundle in accepted.targets.bundles:
                check_bundle(bundle)
                await self._check_here(bundle)
            await self._save(offered, now_ms)
            await self._on_disk(partial(self._files.keep_only, [bundle.sha256 for bundle in offered.listed.bundles]))
        return self.view()

    async def renew(self) -> None:
        """Sign anew what the server signs itself and what ends soon."""
        async with self._lock:
            now_ms = self._clock.now_ms()
            later = renewed(self.shelf, self._own, now_ms)
            if later == self.shelf:
                return
            try:
                self.shelf.checked(later, now_ms)
            except UpdateRefusedError as error:
                # Another role has ended, which only the holders of its keys can mend; `bundle status` says so too.
                log.warning("updates_not_renewed: %s", error.message)
            await self._save(later, now_ms)

    def view(self) -> UpdatesView:
        """Return what is published."""
        own, shelf = self._own, self.shelf
        if shelf.is_empty:
            return UpdatesView(own.public.public, own.keyid, [], [])
        expires: dict[str, Root | Targets | Timestamp] = {
            ROOT: shelf.root,
            TARGETS: shelf.listed,
            TIMESTAMP: shelf.stamp,
        }
        documents = [
            DocumentView(
                role,
                document.version,
                format_ms(document.expires_ms),
                shelf.root.roles[role].threshold,
                shelf.root.roles[role].keyids,
                own.has(shelf.root, role),
            )
            for role, document in expires.items()
        ]
        bundles = shelf.listed.bundles
        return UpdatesView(own.public.public, own.keyid, documents, bundles, shelf.root.lowest_version)

    def _offered(self, request: PublishRequest, now_ms: int) -> Shelf:
        roots = (*self.shelf.roots, *self._own_signed(request.roots))
        if not roots:
            roots = (self._own.first_root(now_ms),)
        root = Shelf(roots).root
        targets = request.targets or self._new_targets(request.bundles, Shelf(roots), now_ms)
        timestamp = request.timestamp
        if not timestamp:
            if not self._own.has(root, TIMESTAMP):
                raise _unsigned(TIMESTAMP)
            number = next_number(0 if self.shelf.is_empty else self.shelf.stamp.version, now_ms)
            timestamp = self._own.new_timestamp(number, targets, now_ms)
        return Shelf(roots, targets, timestamp)

    def _own_signed(self, roots: list[str]) -> list[str]:
        """Return ``roots``, the first with the server's signature too while its key still is a root's."""
        if not roots or self.shelf.is_empty or self._own.keyid not in self.shelf.root.roles[ROOT].keyids:
            return roots
        return [add_signature(roots[0], self._own.key), *roots[1:]]

    def _new_targets(self, bundles: list[Bundle], shelf: Shelf, now_ms: int) -> str:
        old = [] if self.shelf.is_empty else self.shelf.listed.bundles
        if not bundles and old and self._own.has(shelf.root, TARGETS) is False:
            return self.shelf.targets
        if not self._own.has(shelf.root, TARGETS):
            raise _unsigned(TARGETS)
        number = next_number(0 if self.shelf.is_empty else self.shelf.listed.version, now_ms)
        return self._own.new_targets(number, merged(old, bundles), now_ms)

    async def _check_here(self, bundle: Bundle) -> None:
        found = await self._on_disk(partial(self._files.find, bundle.sha256))
        if found is None:
            raise NotFoundError(
                f"cannot publish {bundle.name}: its file was not sent", hint="nagare bundle publish FILE sends it"
            )
        check_file(bundle, *found)

    async def _save(self, shelf: Shelf, now_ms: int) -> None:
        known = len(self.shelf.roots)
        first = 1 if not self.shelf.roots else self.shelf.root.version + 1
        changed = {ROOT: [(first + at, text) for at, text in enumerate(shelf.roots[known:])]}
        if shelf.targets != self.shelf.targets:
            changed[TARGETS] = [(shelf.listed.version, shelf.targets)]
        if shelf.timestamp != self.shelf.timestamp:
            changed[TIMESTAMP] = [(shelf.stamp.version, shelf.timestamp)]
        await self._store.save_documents(changed, now_ms)
        self.shelf = shelf

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)


def _last(texts: list[tuple[int, str]]) -> str:
    return texts[-1][1] if texts else ""


def _unsigned(role: str) -> UpdateRefusedError:
    return UpdateRefusedError(
        f"cannot publish: the server's key does not sign {role}",
        reason=Reason.TOO_FEW_SIGNATURES,
        hint=f"sign {role} with its keys (`nagare bundle sign`) and give the file to `nagare bundle publish`",
    )
