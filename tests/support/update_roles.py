"""A publisher of updates for tests: keys of every role and the documents that they sign."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.documents import digest_of, keyid_of, public_key, sign
from nagare.model.updates import bundle_name
from nagare.wire.updates import Bundle, FileState, Metadata, PublicKey, RoleKeys, Root, Targets, Timestamp

DAY_MS = 86_400_000
NOW_MS = 1_800_000_000_000
CONTENT = b"a bundle"


def keys_of(*keys: SigningKey) -> dict[str, PublicKey]:
    """Return the public keys by their ids."""
    return {keyid_of(public_key(key)): public_key(key) for key in keys}


def bundle(version: str = "0.2.0", content: bytes = CONTENT, arch: str = "x86_64") -> Bundle:
    """Return the entry of a bundle with that content."""
    digest = hashlib.sha256(content).hexdigest()
    return Bundle(bundle_name(version, arch), version, arch, len(content), digest)


@dataclass
class Publisher:
    """Who signs: one key a role unless told otherwise, and the numbers of what was published last."""

    root_keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.generate()])
    targets_keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.generate()])
    timestamp_keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.generate()])
    threshold: int = 1
    root_version: int = 1
    targets_version: int = 1
    timestamp_version: int = 1
    lowest_version: str = ""
    bundles: Sequence[Bundle] = field(default_factory=lambda: [bundle()])

    def make_root(self, expires_ms: int = NOW_MS + 365 * DAY_MS) -> Root:
        """Return the root of now."""

        def role(keys: list[SigningKey], threshold: int) -> RoleKeys:
            return RoleKeys(sorted(keys_of(*keys)), threshold)

        return Root(
            self.root_version,
            expires_ms,
            keys_of(*self.root_keys, *self.targets_keys, *self.timestamp_keys),
            {
                "root": role(self.root_keys, self.threshold),
                "targets": role(self.targets_keys, self.threshold),
                "timestamp": role(self.timestamp_keys, 1),
            },
            self.lowest_version,
        )

    def root(self, *also: SigningKey, expires_ms: int = NOW_MS + 365 * DAY_MS) -> str:
        """Return the root signed by its keys and ``also``."""
        return sign(self.make_root(expires_ms), *self.root_keys, *also)

    def targets(self, *keys: SigningKey, expires_ms: int = NOW_MS + 90 * DAY_MS) -> str:
        """Return the list of bundles, signed by ``keys`` or those of the role."""
        signed = Targets(self.targets_version, expires_ms, list(self.bundles))
        return sign(signed, *(keys or self.targets_keys))

    def timestamp(self, targets: str, *keys: SigningKey, expires_ms: int = NOW_MS + DAY_MS) -> str:
        """Return the timestamp that names ``targets``, signed by ``keys`` or those of the role."""
        state = FileState(self.targets_version, len(targets.encode()), digest_of(targets))
        return sign(Timestamp(self.timestamp_version, expires_ms, state), *(keys or self.timestamp_keys))

    def metadata(self, *roots: str, targets: str | None = None) -> Metadata:
        """Return what an agent is sent; ``roots`` are those it does not know."""
        targets = targets or self.targets()
        return Metadata(list(roots), self.timestamp(targets), targets)
