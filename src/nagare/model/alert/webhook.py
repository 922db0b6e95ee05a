"""How bodies of a sender that nobody knows become alerts: ``[[webhook]]`` of a rule file. Pure.

A field is a text: a JSON pointer (``/a/b``, and ``#/a/b`` from the root of the body), or words with such places in them
(``{{ /a/b }}``). There is no condition and no loop in it, and what a body holds is put in as it is and never looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nagare.errors import InputError
from nagare.lib.json_pointer import format_pointer, parse_pointer
from nagare.model.event import Severity
from nagare.model.fields import Fields

TEXT_LIMIT = 1000
ENTRIES_LIMIT = 64
VALUES_LIMIT = 200
# Stands for every value that is not named.
ANY = "*"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,23}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,62}")
_SPOT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place of an item, or of the whole body."""

    steps: tuple[str, ...]
    is_of_body: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """The label of that name, as the item was given it."""

    name: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words, places and labels, one behind the other."""

    parts: tuple[str | Place | Label, ...]

    @property
    def place(self) -> Place | None:
        """The place where it is nothing else."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Place) else None


@dataclass(frozen=True, slots=True)
class StateOf:
    """By which words of the sender an alert fires or is over, in lower case; ANY in one of them takes what neither names."""

    phrase: Phrase
    firing: frozenset[str]
    resolved: frozenset[str]


@dataclass(frozen=True, slots=True)
class SeverityOf:
    """How bad what is: by the sender's own words (in lower case), else by those that everybody knows, else ``otherwise``."""

    phrase: Phrase
    values: Mapping[str, Severity]
    otherwise: Severity


@dataclass(frozen=True, slots=True)
class Webhook:
    """One mapping. ``items``: where the list of alerts stands, None where the body itself is one alert.

    ``fingerprint`` None: by the labels. ``holds_seconds``: how long a word is believed that names no end, None for as long as any;
    ``is_said_once``: its sender does not say again what still fires, so that only its end ends it.
    """

    name: str
    alertname: Phrase
    items: tuple[str, ...] | None = None
    fingerprint: Phrase | None = None
    host: Phrase | None = None
    state: StateOf | None = None
    severity: SeverityOf | None = None
    starts_at: Phrase | None = None
    ends_at: Phrase | None = None
    labels: tuple[tuple[str, Phrase], ...] = ()
    labels_of: Place | None = None
    annotations: tuple[tuple[str, Phrase], ...] = ()
    annotations_of: Place | None = None
    holds_seconds: float | None = None
    is_said_once: bool = False
    origin: str = ""

    @property
    def source(self) -> str:
        """What its alerts have as source, before whose key they came with."""
        return f"hook.{self.name}"


def parse_webhook(fields: Fields, origin: str) -> Webhook:
    """Return the mapping of one table of the file ``origin``; faults are kept in ``fields``."""
    found = Webhook(
        name=_name(fields),
        alertname=_said(fields, "alertname"),
        items=_items(fields),
        fingerprint=_phrase(fields, "fingerprint", has_labels=True, default=""),
        host=_phrase(fields, "host", default=""),
        state=_state(fields),
        severity=_severity(fields),
        starts_at=_phrase(fields, "starts_at", default=""),
        ends_at=_phrase(fields, "ends_at", default=""),
        labels=_phrases(fields, "labels", has_labels=False),
        labels_of=_place(fields, "labels_of"),
        annotations=_phrases(fields, "annotations", has_labels=True),
        annotations_of=_place(fields, "annotations_of"),
        holds_seconds=_holds(fields),
        is_said_once=fields.flag("says_once"),
        origin=origin,
    )
    if found.is_said_once and (found.state is None or found.holds_seconds is not None):
        fields.fault("says_once", "needs state, by which the end is told, and no holds")
    fields.finish()
    return found


def _name(fields: Fields) -> str:
    name = fields.text("name")
    if name and _NAME.fullmatch(name) is None:
        fields.fault("name", "must be lower-case letters, digits, hyphen and underscore, 24 at the most")
    return name


def _items(fields: Fields) -> tuple[str, ...] | None:
    # Empty is a pointer too: the body itself is the list.
    return None if not fields.has("items") else _steps(fields, "items", fields.text("items"))


def _steps(fields: Fields, key: str, text: str) -> tuple[str, ...]:
    try:
        return parse_pointer(text)
    except InputError as error:
        fields.fault(key, error.message)
        return ()


def _place(fields: Fields, key: str) -> Place | None:
    if not fields.has(key):
        return None
    text = fields.text(key)
    is_of_body = text.startswith("#")
    return Place(_steps(fields, key, text.removeprefix("#")), is_of_body)


def _phrase(fields: Fields, key: str, *, has_labels: bool = False, default: str | None = None) -> Phrase | None:
    text = fields.text(key, default)
    if not text:
        return None
    return _read(text, lambda cause: fields.fault(key, cause), has_labels=has_labels)


def _said(fields: Fields, key: str) -> Phrase:
    """Return what a field says that must say something."""
    found = _phrase(fields, key)
    if found is None and fields.has(key):
        fields.fault(key, "must say something")
    return found or Phrase(())


def _phrases(fields: Fields, key: str, *, has_labels: bool) -> tuple[tuple[str, Phrase], ...]:
    table, found = fields.table(key), list[tuple[str, Phrase]]()
    if len(table) > ENTRIES_LIMIT:
        fields.fault(key, f"has {len(table)} entries, {ENTRIES_LIMIT} at the most")
    for name, text in table.items():
        place = f"{key}.{name}"
        if _LABEL.fullmatch(name) is None:
            fields.fault(place, "must be named by letters, digits, dot, hyphen and underscore, 63 at the most")
        elif not isinstance(text, str) or not text:
            fields.fault(place, "must be a text")
        else:
            found.append((name, _read(text, _faulter(fields, place), has_labels=has_labels)))
    return tuple(found)


def _faulter(fields: Fields, place: str) -> Callable[[str], None]:
    return lambda cause: fields.fault(place, cause)


def _read(text: str, fault: Callable[[str], None], *, has_labels: bool) -> Phrase:
    """Return what ``text`` says; ``fault`` is told what is wrong with it."""
    if len(text) > TEXT_LIMIT:
        fault(f"has {len(text)} characters, {TEXT_LIMIT} at the most")
        return Phrase(())
    try:
        if text.startswith(("/", "#/")):
            return Phrase((Place(parse_pointer(text.removeprefix("#")), text.startswith("#")),))
        # Of an odd place are the insides of braces, of an even one the words around them.
        pieces = [
            _inside(piece.strip(), has_labels=has_labels) if place % 2 else piece
            for place, piece in enumerate(_SPOT.split(text))
        ]
    except InputError as error:
        fault(error.message)
        return Phrase(())
    return Phrase(tuple(piece for piece in pieces if piece))


def _inside(text: str, *, has_labels: bool) -> Place | Label:
    if text.startswith(("/", "#/")):
        return Place(parse_pointer(text.removeprefix("#")), text.startswith("#"))
    if _LABEL.fullmatch(text) is None:
        raise InputError(f"cannot read {{{{{text[:40]}}}}}: write a pointer such as {{{{ /check/name }}}}")
    if not has_labels:
        raise InputError(f"cannot use label {text}: only annotations and fingerprint name labels; write a pointer")
    return Label(text)


def _state(fields: Fields) -> StateOf | None:
    if not fields.has("state"):
        return None
    table = Fields(fields.table("state"), fields.place_of("state"), fields.faults)
    phrase = _said(table, "from")
    firing, resolved = (
        frozenset(word.strip().casefold() for word in table.texts(key)) for key in ("firing", "resolved")
    )
    for key, words in (("firing", firing), ("resolved", resolved)):
        if not words or len(words) > VALUES_LIMIT:
            table.fault(key, f"must be a list of 1 to {VALUES_LIMIT} texts")
    if both := firing & resolved:
        table.fault("resolved", f"has {min(both)!r}, and so has firing")
    table.finish()
    return StateOf(phrase, firing, resolved)


def _severity(fields: Fields) -> SeverityOf | None:
    if not fields.has("severity"):
        return None
    given = fields.raw("severity")
    if not isinstance(given, Mapping):
        phrase = _said(fields, "severity")
        if phrase.parts and all(isinstance(part, str) for part in phrase.parts):
            level = _level(fields, "severity", "".join(str(part) for part in phrase.parts))
            return SeverityOf(phrase, {}, level)
        return SeverityOf(phrase, {}, Severity.WARNING)
    table = Fields(given, fields.place_of("severity"), fields.faults)
    found = SeverityOf(_said(table, "from"), _values(table), table.severity("otherwise", Severity.WARNING))
    table.finish()
    return found


def _values(fields: Fields) -> Mapping[str, Severity]:
    table = fields.table("values")
    if len(table) > VALUES_LIMIT:
        fields.fault("values", f"has {len(table)} entries, {VALUES_LIMIT} at the most")
    return {word.strip().casefold(): _level(fields, f"values.{word}", text) for word, text in table.items()}


def _level(fields: Fields, key: str, text: Any) -> Severity:
    try:
        return Severity[str(text).upper()]
    except KeyError:
        fields.fault(key, f"must be one of {', '.join(one.name.lower() for one in Severity)}")
        return Severity.WARNING


def _holds(fields: Fields) -> float | None:
    return fields.seconds("holds", None, 60.0, 31 * _DAY) if fields.has("holds") else None


def shown(place: Place, within: tuple[str, ...] = ()) -> str:
    """Return where that is, as a fault names it; ``within``: the steps to the item."""
    return "#" + format_pointer(place.steps if place.is_of_body else (*within, *place.steps))
