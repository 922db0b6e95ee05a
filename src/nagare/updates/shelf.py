"""What is published now, as texts and as what they say, and the documents that the server's own key can sign."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.documents import digest_of, keyid_of, public_key, read_signed, sign
from nagare.keys.update_roles.verify import Accepted, verify
from nagare.model.updates import ROLES, ROOT, TARGETS, TIMESTAMP, version_key
from nagare.wire.updates import (
    Bundle,
    FileState,
    Metadata,
    RoleKeys,
    Root,
    SignedRoot,
    SignedTargets,
    SignedTimestamp,
    Targets,
    Timestamp,
    Trust,
)

DAY_MS = 86_400_000
# Hosts refuse a timestamp that is older: so long somebody may hold back a newer one unseen.
LIFE_MS = {ROOT: 365 * DAY_MS, TARGETS: 90 * DAY_MS, TIMESTAMP: 2 * DAY_MS}
# Versions of one processor that a list which the server signs still holds.
_KEPT_VERSIONS = 4


@dataclass(frozen=True)
class Shelf:
    """The published documents; ``roots`` are all there ever were, the oldest first."""

    roots: tuple[str, ...] = ()
    targets: str = ""
    timestamp: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was published yet."""
        return not self.targets

    @cached_property
    def root(self) -> Root:
        """The newest root."""
        return read_signed(self.roots[-1], SignedRoot)[0].signed

    @cached_property
    def listed(self) -> Targets:
        """The list of bundles."""
        return read_signed(self.targets, SignedTargets)[0].signed

    @cached_property
    def stamp(self) -> Timestamp:
        """The timestamp."""
        return read_signed(self.timestamp, SignedTimestamp)[0].signed

    @property
    def trust(self) -> Trust | None:
        """What somebody holds who has seen this."""
        if not self.roots:
            return None
        if self.is_empty:
            return Trust(self.roots[-1])
        return Trust(self.roots[-1], self.stamp.version, self.listed.version, digest_of(self.targets))

    def metadata(self, root_version: int) -> Metadata:
        """Return what an agent needs that trusts root ``root_version`` (0: none yet, it begins with the first)."""
        return Metadata(list(self.roots[root_version:]), self.timestamp, self.targets)

    def checked(self, next_shelf: Shelf, now_ms: int) -> Accepted:
        """Return what ``next_shelf`` proves to who has seen this one. Raises UpdateRefusedError."""
        known = len(self.roots)
        return verify(
            self.trust, Metadata(list(next_shelf.roots[known:]), next_shelf.timestamp, next_shelf.targets), now_ms
        )


class OwnKey:
    """The server's key of updates, which has every role until somebody takes one elsewhere."""

    def __init__(self, key: SigningKey) -> None:
        """Sign with ``key``."""
        self.key = key
        self.public = public_key(key)
        self.keyid = keyid_of(self.public)

    def has(self, root: Root, role: str) -> bool:
        """Tell whether this key alone can sign for ``role``."""
        keys = root.roles[role]
        return keys.threshold == 1 and self.keyid in keys.keyids

    def first_root(self, now_ms: int) -> str:
        """Return a root in which this key has every role."""
        keys = {role: RoleKeys([self.keyid], 1) for role in ROLES}
        return sign(Root(1, now_ms + LIFE_MS[ROOT], {self.keyid: self.public}, keys), self.key)

    def renewed_root(self, root: Root, now_ms: int) -> str:
        """Return the same root with the next number and a later end."""
        return sign(
            Root(root.version + 1, now_ms + LIFE_MS[ROOT], root.keys, root.roles, root.lowest_version), self.key
        )

    def new_targets(self, version: int, bundles: list[Bundle], now_ms: int) -> str:
        """Return a list of ``bundles``."""
        return sign(Targets(version, now_ms + LIFE_MS[TARGETS], bundles), self.key)

    def new_timestamp(self, version: int, targets: str, now_ms: int) -> str:
        """Return a timestamp that names ``targets``."""
        listed = read_signed(targets, SignedTargets)[0].signed
        state = FileState(listed.version, len(targets.encode()), digest_of(targets))
        return sign(Timestamp(version, now_ms + LIFE_MS[TIMESTAMP], state), self.key)


def next_number(previous: int, now_ms: int) -> int:
    """Return the number of a list or timestamp that the server signs after ``previous``.

    Minutes of the clock: a server that was restored from a backup has forgotten numbers that agents remember, and the
    next one it gives must be above them all the same.
    """
    return max(previous + 1, now_ms // 60_000)


def renewed(shelf: Shelf, own: OwnKey, now_ms: int) -> Shelf:
    """Return ``shelf`` with new documents for those that the server signs itself and that end soon."""
    if shelf.is_empty:
        return shelf
    roots, targets, timestamp = shelf.roots, shelf.targets, shelf.timestamp
    if own.has(shelf.root, ROOT) and _ends_soon(shelf.root.expires_ms, ROOT, now_ms):
        roots = (*roots, own.renewed_root(shelf.root, now_ms))
    if own.has(shelf.root, TARGETS) and _ends_soon(shelf.listed.expires_ms, TARGETS, now_ms):
        targets = own.new_targets(next_number(shelf.listed.version, now_ms), shelf.listed.bundles, now_ms)
    is_due = targets != shelf.targets or _ends_soon(shelf.stamp.expires_ms, TIMESTAMP, now_ms)
    if own.has(shelf.root, TIMESTAMP) and is_due:
        timestamp = own.new_timestamp(next_number(shelf.stamp.version, now_ms), targets, now_ms)
    elif targets != shelf.targets:
        # The one who stamps must come first: a list that no timestamp names helps nobody.
        targets = shelf.targets
    return Shelf(roots, targets, timestamp)


def merged(old: list[Bundle], new: list[Bundle]) -> list[Bundle]:
    """Return ``new`` and what they do not replace of ``old``, of each processor the newest versions."""
    by_key = {(bundle.arch, bundle.version): bundle for bundle in [*old, *new]}
    ordered = sorted(by_key.values(), key=lambda bundle: (bundle.arch, version_key(bundle.version)), reverse=True)
    kept: list[Bundle] = []
    for bundle in ordered:
        if sum(other.arch == bundle.arch for other in kept) < _KEPT_VERSIONS or bundle in new:
            kept.append(bundle)
    return sorted(kept, key=lambda bundle: bundle.name)


def _ends_soon(expires_ms: int, role: str, now_ms: int) -> bool:
    return expires_ms - now_ms < LIFE_MS[role] // 2
