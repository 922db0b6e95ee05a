"""Checks a whole audit log: the chain, its signed heads, and a head that was saved elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from nagare.audit.chain import Entry, Fault, SignedHead, is_genuine, verify_entries


@dataclass(slots=True)
class Report:
    """What was found: ``entries`` read, the last of them, ``keys`` that signed, and every fault."""

    entries: int = 0
    last_seq: int = 0
    last_digest: str = ""
    heads: int = 0
    keys: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def verify(entries: Iterable[Entry], heads: Sequence[SignedHead], saved: SignedHead | None = None) -> Report:
    """Return the report of a chain read in its order; ``saved`` is a head that stood elsewhere meanwhile."""
    report = Report()
    wanted = {head.seq for head in heads} | ({saved.seq} if saved is not None else set())
    digests: dict[int, str] = {}
    report.faults += verify_entries(_watched(entries, wanted, digests, report))
    for head in heads:
        report.heads += 1
        if head.public_key not in report.keys:
            report.keys.append(head.public_key)
        report.faults += _head_faults(head, digests, "signed head")
    if saved is not None:
        report.faults += _head_faults(saved, digests, "saved head")
        if report.keys and saved.public_key not in report.keys:
            report.faults.append(Fault(saved.seq, "the saved head was signed by a key that signed none of these heads"))
    return report


def _watched(entries: Iterable[Entry], wanted: set[int], digests: dict[int, str], report: Report) -> Iterator[Entry]:
    for entry in entries:
        report.entries += 1
        report.last_seq, report.last_digest = entry.seq, entry.digest
        if entry.seq in wanted:
            digests[entry.seq] = entry.digest
        yield entry


def _head_faults(head: SignedHead, digests: dict[int, str], name: str) -> Iterator[Fault]:
    if not is_genuine(head):
        yield Fault(head.seq, f"the signature of the {name} does not match its key")
    elif head.seq and head.seq not in digests:
        yield Fault(head.seq, f"the log ends before the {name}: entries were cut off its end")
    elif head.seq and digests[head.seq] != head.digest:
        yield Fault(head.seq, f"the {name} names another hash: what stands before it was rewritten")
