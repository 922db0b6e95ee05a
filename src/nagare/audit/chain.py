"""The chain of audit entries: what is hashed, what a head is, and how both are checked. Pure, no I/O.

An entry is one line of JSON with sorted keys, ASCII only, so that its bytes are the same wherever it is written. Its
hash is SHA-256 over the hash of the entry before it and its own line, as in the linear hash chains of Schneier and
Kelsey (Secure Audit Logs to Support Computer Forensics, 1999): who changes, removes or adds an entry in the middle
changes every hash after it, and a head that was saved elsewhere tells. A head is the newest sequence number and hash,
signed with the installation's audit key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from nagare.keys.signing import is_signed
from nagare.model.deed import Deed

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One link: ``line`` is what is hashed, ``digest`` the hash in hex, ``seq`` counts from 1 without a gap."""

    seq: int
    line: str
    digest: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The end of the chain at ``at_ms`` (Unix milliseconds), signed (Ed25519, base64) by ``public_key``."""

    seq: int
    digest: str
    at_ms: int
    public_key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A place where the chain does not hold, and why."""

    seq: int
    cause: str


def link(previous: str, seq: int, at_ms: int, deed: Deed) -> Entry:
    """Return the entry for ``deed`` behind the one whose hash is ``previous``."""
    document = {"seq": seq, "at_ms": at_ms, **asdict(deed)}
    line = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return Entry(seq, line, digest_of(previous, line))


def digest_of(previous: str, line: str) -> str:
    """Return the hash of ``line`` behind ``previous``, in hex."""
    return hashlib.sha256(f"{previous}\n{line}".encode()).hexdigest()


def head_message(seq: int, digest: str, at_ms: int) -> bytes:
    """Return what is signed for a head."""
    return f"nagare audit head 1\n{seq}\n{digest}\n{at_ms}".encode()


def is_genuine(head: SignedHead) -> bool:
    """Tell whether the head's signature is by its public key."""
    return is_signed(head.public_key, head.signature, head_message(head.seq, head.digest, head.at_ms))


def verify_entries(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Yield every fault of a whole chain, read in order; what follows a fault is checked against what stands there."""
    previous, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected:
            yield Fault(expected, _gap(expected, entry.seq))
        elif entry.digest != digest_of(previous, entry.line):
            yield Fault(entry.seq, "the entry, or the one before it, was changed: its hash does not match")
        elif (stated := _stated_seq(entry.line)) != entry.seq:
            yield Fault(entry.seq, f"the entry calls itself {stated}")
        previous, expected = entry.digest, entry.seq + 1


def _gap(expected: int, found: int) -> str:
    if found < expected:
        return f"entry {found} stands where {expected} belongs"
    return "the entry is missing" if found == expected + 1 else f"entries {expected} to {found - 1} are missing"


def _stated_seq(line: str) -> Any:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document.get("seq") if isinstance(document, dict) else None
