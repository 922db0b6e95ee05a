"""What a foreign sender says of an alert, in our words, whatever its protocol. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nagare.lib.plain_text import plain
from nagare.model.event import Severity

LABELS_LIMIT = 64
NAME_LIMIT = 128
VALUE_LIMIT = 1024
TEXT_LIMIT = 4096
ANNOTATIONS_LIMIT = 64
# Of all annotations of one alert together: thousands of alerts lie in memory.
_TEXTS_LIMIT = 32_768
# A source has 64 characters; of them whose key it came with has so many, and fewer behind a long beginning.
_SOURCE_LIMIT = 64
_KEY_LIMIT = 48
# By which a foreign alert says on which host it is, before ``instance`` is asked.
_HOSTS = ("host", "host.name", "host_name", "hostname", "node", "nodename")
_SEVERITIES = {
    "critical": Severity.CRITICAL, "page": Severity.CRITICAL, "emergency": Severity.CRITICAL, "fatal": Severity.CRITICAL,
    "disaster": Severity.CRITICAL, "high": Severity.HIGH, "error": Severity.HIGH, "major": Severity.HIGH,
    "warning": Severity.WARNING, "warn": Severity.WARNING, "minor": Severity.WARNING, "average": Severity.HIGH,
    "info": Severity.INFO, "information": Severity.INFO, "none": Severity.INFO, "notice": Severity.INFO,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One alert as a sender told it. Times are Unix milliseconds.

    ``source`` and ``fingerprint`` say which thing, ``starts_ms`` which time of it (None: the sender does not say). ``ends_ms`` is when
    it ended, or, while it fires, until when it is believed without another word; None: for as long as the source is given.
    """

    source: str
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    severity: Severity
    is_firing: bool
    starts_ms: int | None = None
    ends_ms: int | None = None
    # What people did to it at the sender: None says nothing of it.
    is_acknowledged: bool | None = None
    # Whether the fingerprint is of one time only: what ended never comes back, and nobody says it again while it lasts.
    is_one_time: bool = False
    # Whether nobody says it again while it lasts, though it may come again: only a word of its end ends it.
    is_said_once: bool = False
    actor: str = ""
    comment: str = ""
    # By which a word that an installation wrote to the sender is known when it comes back; anybody can write one.
    mark: str = ""


def source_of(sort: str, key: str) -> str:
    """Return the source of what a sender of that sort tells, by whose key it comes with, empty for none."""
    if not key:
        return sort
    name = plain(key, NAME_LIMIT)
    room = min(_KEY_LIMIT, _SOURCE_LIMIT - 1 - len(sort))
    if len(name) > room:
        name = f"{name[: room - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{sort}/{name}"


def severity_of(labels: Mapping[str, str]) -> Severity:
    """Return how bad an alert is by the label that most rules give; what is not known is a warning."""
    for name in ("severity", "priority", "level"):
        if found := labels.get(name, "").strip():
            return _SEVERITIES.get(found.lower(), Severity.WARNING)
    return Severity.WARNING


def severity_named(word: str) -> Severity | None:
    """Return the severity that senders call by that word, None where none is known."""
    return _SEVERITIES.get(word.strip().lower())


def with_host(labels: Mapping[str, str]) -> dict[str, str]:
    """Return ``labels`` with a label ``host``: one that says so, else ``instance`` without its port."""
    known = dict(labels)
    if not known.get("host"):
        named = next((known[name] for name in _HOSTS if known.get(name)), "")
        host = named or _without_port(known.get("instance", ""))
        if host:
            known["host"] = host
    return known


def plain_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return ``labels`` made harmless and bounded; what is empty says nothing."""
    return {plain(name, NAME_LIMIT): plain(value, VALUE_LIMIT) for name, value in labels.items() if name and value}


def plain_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return texts made harmless and bounded; what is too much is left out."""
    kept: dict[str, str] = {}
    room = _TEXTS_LIMIT
    for name, text in annotations.items():
        if len(kept) == ANNOTATIONS_LIMIT or room <= 0:
            break
        if name and text:
            kept[plain(name, NAME_LIMIT)] = shown = plain(text, min(TEXT_LIMIT, room))
            room -= len(shown)
    return kept


def _without_port(instance: str) -> str:
    if instance.startswith("["):
        return instance[1:].partition("]")[0]
    host, colon, port = instance.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else instance
