"""A schedule that is being written: texts as they are typed, checked by the rules of the server, its next moments, and the request.

The server checks the same again; here it is told while one types. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from nagare.client.argument_words import read_arguments
from nagare.errors import InputError
from nagare.lib.cron import WORDS, moments_after, parse_cron
from nagare.lib.nearest import did_you_mean
from nagare.lib.units import format_seconds, parse_duration
from nagare.lib.zones import find_zone
from nagare.model.schedule import Missed, Overlap, check_name
from nagare.wire.tasks import ScheduleRequest

if TYPE_CHECKING:
    from nagare.wire.tasks import KindView

_MISSED_LIMITS = (1, 1000)
_GRACE_MOST_SECONDS = 86_400.0
_TEXT_MOST = 1000
_YES, _NO = frozenset({"yes", "y", "on", "true"}), frozenset({"no", "n", "off", "false"})


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form: its id, its label, what it takes, what holds while it is empty, and words to choose from."""

    id: str
    label: str
    hint: str
    usual: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """The kinds that the server knows, the names that are taken, and the texts of the fields."""

    kinds: tuple[KindView, ...] = ()
    taken: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)

    def text(self, field_id: str) -> str:
        """Return what stands in a field, or what holds while it is empty."""
        return self.texts.get(field_id, "").strip() or _USUAL.get(field_id, "")


_FIELDS = (
    Field("name", "name", "letters, digits and . _ -"),
    Field("cron", "when", "minute hour day month weekday: 30 2 * * *, or @daily", choices=tuple(WORDS)),
    Field("zone", "zone", "of those moments: Europe/Berlin", "UTC"),
    Field("kind", "makes", "the kind of task"),
    Field("arguments", "with", "its arguments as NAME=VALUE, apart by blanks"),
    Field("missed", "missed", "moments without a server", Missed.SKIP, tuple(Missed)),
    Field("missed_limit", "at most", "so many runs that run-all makes up for", "24"),
    Field("grace", "grace", "what is late by no more is in time", "1m"),
    Field("overlap", "overlap", "while an earlier run is not over", Overlap.SKIP, tuple(Overlap)),
    Field("enabled", "on", "no makes it switched off", "yes", ("yes", "no")),
    Field("text", "what for", "for those who come later"),
)
_USUAL = {one.id: str(one.usual) for one in _FIELDS if one.usual}


def fields_of(draft: ScheduleDraft) -> tuple[Field, ...]:
    """Return the lines of the form: the kinds are those that the caller may ask for, as far as that is known."""
    kinds = tuple(kind.name for kind in draft.kinds if kind.may_run)
    return tuple(Field(one.id, one.label, one.hint, one.usual, kinds) if one.id == "kind" else one for one in _FIELDS)


def fault_of(draft: ScheduleDraft, field_id: str) -> str:
    """Return what is wrong with the text of a field, empty when nothing is."""
    try:
        _CHECKS[field_id](draft)
    except InputError as error:
        return error.message
    return ""


def told_of(draft: ScheduleDraft, one: Field) -> str:
    """Return what a field takes; of the kind and its arguments what the server says of them."""
    kind = _find_kind(draft)
    if one.id == "kind":
        return f"{kind.name}: {kind.text}" if kind is not None else f"one of {', '.join(one.choices)}"
    if one.id == "arguments" and kind is not None:
        return _arguments_told(kind)
    if one.choices:
        return f"{one.hint}: {', '.join(one.choices)}" if one.id != "cron" else one.hint
    return one.hint


def _arguments_told(kind: KindView) -> str:
    schema = _object_schema(kind.arguments)
    needed = [str(name) for name in schema.get("required", ())]
    names = [f"{name} (needed)" if name in needed else str(name) for name in schema.get("properties", {})]
    return f"NAME=VALUE: {', '.join(names)}" if names else "it takes none"


def _object_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found = schema.get("$defs", {}).get(name, schema)
    return found if isinstance(found, dict) else {}


def _find_kind(draft: ScheduleDraft) -> KindView | None:
    return next((kind for kind in draft.kinds if kind.name == draft.text("kind")), None)


def next_moments(draft: ScheduleDraft, now_ms: int, count: int) -> list[datetime]:
    """Return the next moments in the zone of the schedule. Raises InputError for texts that cannot be read, or never come."""
    zone = find_zone(draft.text("zone"))
    cron = parse_cron(draft.text("cron"))
    found = list(islice(moments_after(cron, zone, datetime.fromtimestamp(now_ms / 1000, UTC)), count))
    if not found:
        raise InputError(f"cannot use cron expression {cron.text[:80]!r}: it never comes")
    return [moment.astimezone(zone) for moment in found]


def moments_told(moments: Sequence[datetime], now_ms: int) -> list[str]:
    """Return moments as people read them, each with the time until then."""
    left = [(moment.timestamp() * 1000 - now_ms) / 1000 for moment in moments]
    return [
        f"{moment:%a %Y-%m-%d %H:%M %Z}, in {format_seconds(seconds)}"
        for moment, seconds in zip(moments, left, strict=True)
    ]


def request_of(draft: ScheduleDraft) -> tuple[str, ScheduleRequest]:
    """Return the name and the request that the draft says. Raises InputError for the first thing that is wrong."""
    for one in _FIELDS:
        _CHECKS[one.id](draft)
    return draft.text("name"), ScheduleRequest(
        cron=draft.text("cron"), kind=draft.text("kind"), arguments=_arguments(draft), zone=draft.text("zone"),
        enabled=_enabled(draft), missed=draft.text("missed"), missed_limit=_missed_limit(draft), grace_seconds=_grace(draft),
        overlap=draft.text("overlap"), text=draft.text("text"), is_new=True,
    )  # fmt: skip


def _name(draft: ScheduleDraft) -> None:
    name = check_name(draft.text("name"))
    if name in draft.taken:
        raise InputError(f"cannot name a schedule {name!r}: there is one of that name")


def _cron(draft: ScheduleDraft) -> None:
    parse_cron(draft.text("cron"))


def _zone(draft: ScheduleDraft) -> None:
    find_zone(draft.text("zone"))


def _kind(draft: ScheduleDraft) -> None:
    name, known = draft.text("kind"), [kind.name for kind in draft.kinds]
    if not name:
        raise InputError(f"cannot make a schedule without a task: one of {', '.join(known)}")
    kind = _find_kind(draft)
    if kind is None and known:
        meant = did_you_mean(name, known) or f"one of {', '.join(known)}"
        raise InputError(f"cannot make tasks of kind {name[:60]!r}: there is none, {meant}")
    if kind is not None and not kind.may_run:
        raise InputError(f"cannot make tasks of kind {name!r}: your roles do not allow it")


def _arguments(draft: ScheduleDraft) -> dict[str, Any]:
    try:
        words = shlex.split(draft.text("arguments"))
    except ValueError:
        raise InputError("cannot read arguments: a quote is not closed") from None
    found = read_arguments(words)
    kind = _find_kind(draft)
    schema = _object_schema(kind.arguments) if kind is not None else {}
    missing = [name for name in schema.get("required", ()) if name not in found]
    if missing:
        raise InputError(f"cannot make tasks without {', '.join(missing)}")
    known = schema.get("properties")
    strange = next((name for name in found if known is not None and name not in known), None)
    if strange is not None and schema.get("additionalProperties") is False:
        hint = did_you_mean(strange, known or ())
        raise InputError(f"cannot use argument {strange[:60]!r}: there is none" + (f", {hint}" if hint else ""))
    return found


def _word(draft: ScheduleDraft, field_id: str, words: type[Missed | Overlap]) -> None:
    if draft.text(field_id) not in list(words):
        raise InputError(f"cannot use {field_id} {draft.text(field_id)[:40]!r}: one of {', '.join(words)}")


def _missed_limit(draft: ScheduleDraft) -> int:
    text, (low, high) = draft.text("missed_limit"), _MISSED_LIMITS
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and low <= int(text) <= high):
        raise InputError(f"cannot make up for {text[:20]!r} runs: {low} to {high}")
    return int(text)


def _grace(draft: ScheduleDraft) -> float:
    seconds = parse_duration(draft.text("grace"))
    if not 0 <= seconds <= _GRACE_MOST_SECONDS:
        raise InputError("cannot be late by so much: a day at the most")
    return seconds


def _enabled(draft: ScheduleDraft) -> bool:
    text = draft.text("enabled").lower()
    if text not in _YES | _NO:
        raise InputError(f"cannot read {text[:20]!r}: yes or no")
    return text in _YES


def _text(draft: ScheduleDraft) -> None:
    if len(draft.text("text")) > _TEXT_MOST:
        raise InputError(f"cannot keep so long a text: {_TEXT_MOST} letters at the most")


_CHECKS = {
    "name": _name, "cron": _cron, "zone": _zone, "kind": _kind, "arguments": _arguments,
    "missed": lambda draft: _word(draft, "missed", Missed), "missed_limit": _missed_limit, "grace": _grace,
    "overlap": lambda draft: _word(draft, "overlap", Overlap), "enabled": _enabled, "text": _text,
}  # fmt: skip
