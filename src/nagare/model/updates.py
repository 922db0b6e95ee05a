"""Words of agent updates: why one is refused, how a bundle is named, and which of two versions is the later one."""

from __future__ import annotations

import re
from enum import StrEnum

from nagare.errors import InputError

# Roles of The Update Framework that are kept here; its snapshot role is left out, for one list of targets needs none.
ROOT, TARGETS, TIMESTAMP = "root", "targets", "timestamp"
ROLES = (ROOT, TARGETS, TIMESTAMP)
# The largest file that an update may be: a bundle is at most 15 MB, and a host's disk is not ours to fill.
BUNDLE_LIMIT_BYTES = 32 * 2**20


class Reason(StrEnum):
    """Why an update, or what says which updates there are, is refused."""

    MALFORMED = "malformed"
    NOT_CANONICAL = "not-canonical"
    TOO_LARGE = "too-large"
    UNKNOWN_ALGORITHM = "unknown-algorithm"
    UNKNOWN_KEY = "unknown-key"
    WRONG_ROLE = "wrong-role"
    BAD_SIGNATURE = "bad-signature"
    TOO_FEW_SIGNATURES = "too-few-signatures"
    GAP = "gap"
    ROLLBACK = "rollback"
    FREEZE = "freeze"
    MIX_AND_MATCH = "mix-and-match"
    NOT_LISTED = "not-listed"
    DOWNGRADE = "downgrade"
    CUT = "cut-download"
    WRONG_LENGTH = "wrong-length"
    WRONG_HASH = "wrong-hash"
    TRIAL_FAILED = "trial-failed"
    NOT_ALLOWED = "not-allowed"


_NAME = re.compile(r"nagare-agent-(?P<version>[0-9a-z.]{1,40})-linux-(?P<arch>[a-z0-9_]{1,20})\.pyz")
_VERSION = re.compile(r"(\d{1,9}(?:\.\d{1,9}){1,3})(?:(\.dev|a|b|rc|\.post)(\d{1,9}))?")
_RANK = {".dev": 0, "a": 1, "b": 2, "rc": 3, None: 4, ".post": 5}
# How ``uname`` calls a processor, and how bundles do.
_ARCH = {"amd64": "x86_64", "arm64": "aarch64"}

VersionKey = tuple[tuple[int, ...], int, int]


def version_key(version: str) -> VersionKey:
    """Return what orders versions. Raises InputError for a text that is none."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise InputError(
            f"cannot use version {version[:60]!r}: it must read like 1.2.3 or 1.2.3rc1",
            errors=[{"pointer": "#/version", "detail": "not a version"}],
        )
    numbers = [int(part) for part in found[1].split(".")]
    padded = tuple(numbers + [0] * (4 - len(numbers)))
    return padded, _RANK[found[2]], int(found[3] or 0)


def is_version(version: str) -> bool:
    """Tell whether ``version`` is one."""
    return _VERSION.fullmatch(version) is not None


def is_older(version: str, other: str) -> bool:
    """Tell whether ``version`` comes before ``other``. Raises InputError."""
    return version_key(version) < version_key(other)


def bundle_name(version: str, arch: str) -> str:
    """Return the name of the file of an agent bundle."""
    return f"nagare-agent-{version}-linux-{arch}.pyz"


def parse_bundle_name(name: str) -> tuple[str, str]:
    """Return version and processor that the name of a bundle tells. Raises InputError."""
    found = _NAME.fullmatch(name)
    if found is None or not is_version(found["version"]):
        raise InputError(
            f"cannot use {name[:100]!r}: it is not named like a bundle",
            hint="a bundle is named nagare-agent-VERSION-linux-ARCH.pyz",
        )
    return found["version"], found["arch"]


def lawful_arch(machine: str) -> str:
    """Return the name of a processor as bundles carry it."""
    return _ARCH.get(machine.lower(), machine.lower())
