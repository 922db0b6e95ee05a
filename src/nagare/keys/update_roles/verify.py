"""Whether metadata of updates can be trusted: one pure function over texts, a trusted state and the time.

It follows the client's workflow of The Update Framework, specification 1.0, section 5, with root, targets and timestamp;
the timestamp names the list of targets itself. Stricter than the specification in one point: a document with a
signature that does not count is refused, so that no byte of it can change unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nagare.errors import UpdateRefusedError
from nagare.keys.update_roles.documents import digest_of, read_signed
from nagare.keys.update_roles.signatures import Authority, check_keys, check_signatures
from nagare.model.updates import TARGETS, TIMESTAMP, Reason
from nagare.wire.updates import (
    Metadata,
    Root,
    SignedRoot,
    SignedTargets,
    SignedTimestamp,
    Targets,
    Timestamp,
    Trust,
)

# A server that was away for years sends as many; more is a flood.
ROOTS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was verified: the state to hold from now on, and what it says."""

    trust: Trust
    root: Root
    targets: Targets


def verify(trust: Trust | None, metadata: Metadata, now_ms: int) -> Accepted:
    """Return what ``metadata`` proves to somebody who holds ``trust``; None trusts the first root that it is shown.

    Raises UpdateRefusedError with the reason, and then nothing of the metadata may be used.
    """
    trust, root = verify_roots(trust, metadata.roots)
    _check_fresh("root", root.version, root.expires_ms, now_ms)
    timestamp = _verified_timestamp(trust, root, metadata.timestamp, now_ms)
    targets = _verified_targets(trust, root, timestamp, metadata.targets, now_ms)
    accepted = Trust(trust.root, timestamp.version, targets.version, timestamp.targets.sha256)
    return Accepted(accepted, root, targets)


def verify_roots(trust: Trust | None, roots: Sequence[str]) -> tuple[Trust, Root]:
    """Return the state after the chain ``roots``, each signed by the one before it and by itself."""
    if len(roots) > ROOTS_LIMIT:
        raise UpdateRefusedError(f"cannot use {len(roots)} roots at once", reason=Reason.TOO_LARGE)
    if trust is None:
        if not roots:
            raise UpdateRefusedError("cannot trust an update: no root to begin with", reason=Reason.MALFORMED)
        trust, roots = _first_trust(roots[0]), roots[1:]
    root = trusted_root(trust)
    for text in roots:
        trust, root = _next_root(trust, root, text)
    return trust, root


def trusted_root(trust: Trust) -> Root:
    """Return the root that ``trust`` holds. Raises UpdateRefusedError for one that does not read."""
    root = read_signed(trust.root, SignedRoot)[0].signed
    check_keys(root)
    return root


def _first_trust(text: str) -> Trust:
    document, message = read_signed(text, SignedRoot)
    check_keys(document.signed)
    check_signatures(document.signatures, message, [Authority(document.signed, "root")])
    return Trust(text)


def _next_root(trust: Trust, old: Root, text: str) -> tuple[Trust, Root]:
    document, message = read_signed(text, SignedRoot)
    new = document.signed
    if new.version <= old.version:
        raise UpdateRefusedError(
            f"cannot use root {new.version}: root {old.version} is trusted already", reason=Reason.ROLLBACK
        )
    if new.version != old.version + 1:
        raise UpdateRefusedError(
            f"cannot use root {new.version}: root {old.version + 1} must come first", reason=Reason.GAP
        )
    check_keys(new)
    check_signatures(document.signatures, message, [Authority(old, "root"), Authority(new, "root")])
    # Whoever had the old keys may have signed a version that nobody could pass any more; what they signed counts for
    # nothing now, so the numbers begin anew (specification 5.3.11).
    timestamp_version = 0 if _is_replaced(old, new, TIMESTAMP) else trust.timestamp_version
    is_anew = _is_replaced(old, new, TARGETS)
    return (
        Trust(
            text, timestamp_version, 0 if is_anew else trust.targets_version, "" if is_anew else trust.targets_sha256
        ),
        new,
    )


def _is_replaced(old: Root, new: Root, role: str) -> bool:
    """Tell whether nothing that the old keys of ``role`` signed can still pass."""
    kept = set(old.roles[role].keyids) & set(new.roles[role].keyids)
    return len(kept) < new.roles[role].threshold


def _verified_timestamp(trust: Trust, root: Root, text: str, now_ms: int) -> Timestamp:
    document, message = read_signed(text, SignedTimestamp)
    check_signatures(document.signatures, message, [Authority(root, TIMESTAMP)])
    timestamp = document.signed
    _check_not_older("timestamp", timestamp.version, trust.timestamp_version)
    _check_not_older("targets", timestamp.targets.version, trust.targets_version)
    is_same = timestamp.version == trust.timestamp_version or timestamp.targets.version == trust.targets_version
    if is_same and trust.targets_sha256 and timestamp.targets.sha256 != trust.targets_sha256:
        raise UpdateRefusedError(
            "cannot use timestamp: it has a number that was seen with another list", reason=Reason.MIX_AND_MATCH
        )
    _check_fresh("timestamp", timestamp.version, timestamp.expires_ms, now_ms)
    return timestamp


def _verified_targets(trust: Trust, root: Root, timestamp: Timestamp, text: str, now_ms: int) -> Targets:
    told = timestamp.targets
    if len(text.encode()) != told.length or digest_of(text) != told.sha256:
        raise UpdateRefusedError(
            f"cannot use targets: they are not the ones that timestamp {timestamp.version} names",
            reason=Reason.MIX_AND_MATCH,
        )
    document, message = read_signed(text, SignedTargets)
    check_signatures(document.signatures, message, [Authority(root, TARGETS)])
    targets = document.signed
    if targets.version != told.version:
        raise UpdateRefusedError(
            f"cannot use targets {targets.version}: the timestamp calls them {told.version}",
            reason=Reason.MIX_AND_MATCH,
        )
    _check_not_older("targets", targets.version, trust.targets_version)
    _check_fresh("targets", targets.version, targets.expires_ms, now_ms)
    return targets


def _check_not_older(role: str, version: int, trusted: int) -> None:
    if version < trusted:
        raise UpdateRefusedError(
            f"cannot use {role} {version}: {role} {trusted} was seen already", reason=Reason.ROLLBACK
        )


def _check_fresh(role: str, version: int, expires_ms: int, now_ms: int) -> None:
    if now_ms >= expires_ms:
        raise UpdateRefusedError(
            f"cannot use {role} {version}: it has expired",
            reason=Reason.FREEZE,
            hint="somebody may hold back newer ones; else publish anew, and check the clock of this machine",
        )
