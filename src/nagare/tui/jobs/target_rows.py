"""What a command can be for, as a list to choose from: every host, groups, labels, single hosts, each with how many it is; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nagare.tui.jobs.draft import EVERY


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts by name with their labels, and the groups with the hosts in them, as they are known here."""

    hosts: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A word as the form takes it, what it is, and how many hosts it means."""

    word: str
    kind: str
    count: int


def rows_of(fleet: Fleet) -> list[TargetRow]:
    """Return what can be chosen: all, groups, labels that more than one host may share, hosts."""
    labels = Counter(f"{key}={value}" for labels in fleet.hosts.values() for key, value in labels.items())
    return [
        TargetRow(EVERY, "every host", len(fleet.hosts)),
        *(TargetRow(f"@{name}", "group", len(hosts)) for name, hosts in sorted(fleet.groups.items())),
        # A comma, or a blank, stands between words in the form.
        *(TargetRow(word, "label", count) for word, count in sorted(labels.items()) if not set(word) & set(" ,")),
        *(TargetRow(name, "host", 1) for name in sorted(fleet.hosts)),
    ]


def matching(rows: Iterable[TargetRow], text: str) -> list[TargetRow]:
    """Return the rows that have all words of ``text``, or their letters in order: the nearest first."""
    words = text.casefold().split()
    ranked = [(rank, place, row) for place, row in enumerate(rows) if (rank := _rank(row, words)) is not None]
    return [row for _, _, row in sorted(ranked, key=lambda one: one[:2])]


def _rank(row: TargetRow, words: Sequence[str]) -> int | None:
    word, whole = row.word.casefold(), f"{row.word} {row.kind}".casefold()
    rank = 0
    for sought in words:
        if word.startswith(sought):
            continue
        if sought in whole:
            rank += 1
        elif _has_in_order(word, sought):
            rank += 2
        else:
            return None
    return rank


def _has_in_order(text: str, letters: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def hosts_meant(words: Iterable[str], fleet: Fleet) -> list[str]:
    """Return the known hosts that ``words`` mean, by name: those named, those of groups, those with all of the labels."""
    chosen = list(words)
    if EVERY in chosen:
        return sorted(fleet.hosts)
    found = {word for word in chosen if word in fleet.hosts}
    for word in chosen:
        found |= set(fleet.groups.get(word[1:], ())) & fleet.hosts.keys() if word.startswith("@") else set()
    pairs = [word.split("=", 1) for word in chosen if "=" in word]
    if pairs:
        found |= {name for name, labels in fleet.hosts.items() if all(labels.get(key) == value for key, value in pairs)}
    return sorted(found)
