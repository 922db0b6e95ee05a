"""Signed metadata of agent updates, and what agents and operators ask and tell about updates over HTTP.

The signed documents travel as the exact text that was signed. Their shape follows The Update Framework (specification
1.0), reduced to three roles; times are Unix milliseconds, keys, signatures and digests are lower-case hex.
"""

from __future__ import annotations

import msgspec

from nagare.model.updates import ROOT, TARGETS, TIMESTAMP


class Signature(msgspec.Struct, frozen=True):
    """One signature over the canonical form of what is signed."""

    keyid: str
    sig: str


class PublicKey(msgspec.Struct, frozen=True):
    """A key of a role; ``type`` is ed25519."""

    type: str
    public: str


class RoleKeys(msgspec.Struct, frozen=True):
    """Whose signatures a role needs, and how many different ones."""

    keyids: list[str]
    threshold: int


class Root(msgspec.Struct, frozen=True, tag_field="type", tag=ROOT):
    """The keys of every role. ``lowest_version``: agents may go back to versions from this one on; empty is never."""

    version: int
    expires_ms: int
    keys: dict[str, PublicKey]
    roles: dict[str, RoleKeys]
    lowest_version: str = ""


class Bundle(msgspec.Struct, frozen=True):
    """A file that an agent can become."""

    name: str
    version: str
    arch: str
    length: int
    sha256: str


class Targets(msgspec.Struct, frozen=True, tag_field="type", tag=TARGETS):
    """Every bundle that may be installed."""

    version: int
    expires_ms: int
    bundles: list[Bundle]


class FileState(msgspec.Struct, frozen=True):
    """Which text of a role is the current one."""

    version: int
    length: int
    sha256: str


class Timestamp(msgspec.Struct, frozen=True, tag_field="type", tag=TIMESTAMP):
    """Says, for a short time, which list of bundles is the current one."""

    version: int
    expires_ms: int
    targets: FileState


class SignedRoot(msgspec.Struct, frozen=True):
    """A root with its signatures."""

    signed: Root
    signatures: list[Signature]


class SignedTargets(msgspec.Struct, frozen=True):
    """A list of bundles with its signatures."""

    signed: Targets
    signatures: list[Signature]


class SignedTimestamp(msgspec.Struct, frozen=True):
    """A timestamp with its signatures."""

    signed: Timestamp
    signatures: list[Signature]


class Metadata(msgspec.Struct, frozen=True):
    """What an agent needs to trust an update: roots after the one it knows, in order, and both current lists."""

    roots: list[str]
    timestamp: str
    targets: str


class Trust(msgspec.Struct, frozen=True):
    """What an agent holds for true: its root as text, and below which versions nothing is taken any more."""

    root: str
    timestamp_version: int = 0
    targets_version: int = 0
    targets_sha256: str = ""
