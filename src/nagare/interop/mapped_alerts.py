"""Alerts out of any JSON body, by the mapping that the operator wrote for its sender. Pure.

What the mapping needs and the body does not have, or has as something else, is refused with the place in the body.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from nagare.errors import InputError
from nagare.lib.json_pointer import MISSING, find, format_pointer
from nagare.model.alert.alert import fingerprint_of
from nagare.model.alert.foreign import LABELS_LIMIT, Told, plain_annotations, plain_labels, severity_named, with_host
from nagare.model.alert.webhook import ANY, Label, Phrase, Place, SeverityOf, StateOf, Webhook, shown
from nagare.model.event import Severity
from nagare.wire.codec import decode_any

ITEMS_LIMIT = 10_000
_NOT_THERE = "–"
# A number beyond it is of milliseconds: in seconds it lies in the year 5138.
_SECONDS_MOST = 100_000_000_000
_MOMENT_MOST_MS = 253_402_300_799_000
_EXACT = 2**53


def read_mapped(body: bytes, webhook: Webhook, now_ms: int) -> list[Told]:
    """Return what ``body`` tells by the mapping. Raises InputError with a pointer at what is missing or wrong."""
    document = decode_any(body)
    return [_Item(document, item, steps).told(webhook, now_ms) for steps, item in _items(document, webhook)]


def _items(document: Any, webhook: Webhook) -> Iterable[tuple[tuple[str, ...], Any]]:
    if webhook.items is None:
        return [((), document)]
    found = find(document, webhook.items)
    if found is MISSING:
        raise _fault(shown(Place(webhook.items, is_of_body=True)), "is missing")
    if found is None:
        # How some write an empty list.
        return []
    if not isinstance(found, list):
        raise _fault(shown(Place(webhook.items, is_of_body=True)), "must be a list")
    if len(found) > ITEMS_LIMIT:
        raise _fault(
            shown(Place(webhook.items, is_of_body=True)), f"has {len(found)} alerts, {ITEMS_LIMIT} at the most"
        )
    return [((*webhook.items, str(place)), item) for place, item in enumerate(found)]


class _Item:
    """One alert of a body."""

    def __init__(self, document: Any, item: Any, steps: tuple[str, ...]) -> None:
        """Read from ``item``, to which ``steps`` lead."""
        self._document = document
        self._item = item
        self._steps = steps
        self._labels: dict[str, str] = {}

    def told(self, webhook: Webhook, now_ms: int) -> Told:
        """Return what it tells. Raises InputError."""
        self._labels = self._all_labels(webhook)
        is_firing = webhook.state is None or self._is_firing(webhook.state)
        severity = Severity.WARNING if webhook.severity is None else self._severity(webhook.severity)
        ends_ms = self._moment(webhook.ends_at)
        if is_firing and ends_ms is None and webhook.holds_seconds is not None:
            ends_ms = now_ms + round(webhook.holds_seconds * 1000)
        texts = self._members(webhook.annotations_of)
        texts |= {name: text for name, phrase in webhook.annotations if (text := self._text(phrase, _NOT_THERE))}
        return Told(
            webhook.source,
            self._fingerprint(webhook.fingerprint),
            self._labels,
            plain_annotations(texts),
            severity,
            is_firing,
            self._moment(webhook.starts_at),
            ends_ms,
            is_said_once=webhook.is_said_once,
        )

    def _all_labels(self, webhook: Webhook) -> dict[str, str]:
        labels = self._members(webhook.labels_of)
        labels |= {name: text for name, phrase in webhook.labels if (text := self._text(phrase))}
        labels["alertname"] = self._needed(webhook.alertname)
        if webhook.host is not None:
            labels["host"] = self._text(webhook.host)
        # How bad it is says the mapping, and it may change while the thing is the same.
        labels.pop("severity", None)
        if len(labels) > LABELS_LIMIT:
            raise _fault("#" + format_pointer(self._steps), f"has {len(labels)} labels, {LABELS_LIMIT} at the most")
        return with_host(plain_labels(labels))

    def _fingerprint(self, phrase: Phrase | None) -> str:
        # Its sender's words may be of any length and kind: a hash of them is as good.
        return fingerprint_of(self._labels if phrase is None else {"fingerprint": self._needed(phrase)})

    def _is_firing(self, state: StateOf) -> bool:
        word = self._needed(state.phrase).casefold()
        if word in state.firing or word in state.resolved:
            return word in state.firing
        if ANY in state.firing or ANY in state.resolved:
            return ANY in state.firing
        raise _fault(self._where(state.phrase), f"{word[:40]!r} is none of the words of state")

    def _severity(self, severity: SeverityOf) -> Severity:
        word = self._text(severity.phrase).casefold()
        named = severity.values.get(word)
        if named is None:
            named = severity_named(word)
        return severity.otherwise if named is None else named

    def _moment(self, phrase: Phrase | None) -> int | None:
        text = "" if phrase is None else self._text(phrase)
        if phrase is None or not text:
            return None
        try:
            return _moment_ms(text)
        except (ValueError, OverflowError):
            cause = f"{text[:40]!r} is neither RFC 3339 nor Unix seconds or milliseconds"
            raise _fault(self._where(phrase), cause) from None

    def _needed(self, phrase: Phrase) -> str:
        """Return the text of ``phrase``, every place of which must be there."""
        for part in phrase.parts:
            if isinstance(part, Place) and not self._at(part):
                raise _fault(shown(part, self._steps), "is missing, or empty")
        found = self._text(phrase, _NOT_THERE)
        if not found:
            raise _fault("#" + format_pointer(self._steps), "says nothing of what the mapping needs")
        return found

    def _text(self, phrase: Phrase, instead: str = "") -> str:
        """Return the text of ``phrase``; ``instead`` stands for a place that is empty, of which a whole one is empty too.

        Without ``instead`` a place that is empty makes all of it so.
        """
        if phrase.place is not None:
            return self._at(phrase.place)
        parts = [part if isinstance(part, str) else self._part(part) for part in phrase.parts]
        return "".join(part or instead for part in parts) if instead or all(parts) else ""

    def _part(self, part: Place | Label) -> str:
        return self._labels.get(part.name, "") if isinstance(part, Label) else self._at(part)

    def _at(self, place: Place) -> str:
        found = find(self._document if place.is_of_body else self._item, place.steps)
        return _scalar(found, shown(place, self._steps))

    def _members(self, place: Place | None) -> dict[str, str]:
        """Return what is a text, a number or a switch of the object there."""
        if place is None:
            return {}
        found = find(self._document if place.is_of_body else self._item, place.steps)
        if found is MISSING or found is None:
            return {}
        where = shown(place, self._steps)
        if not isinstance(found, dict):
            raise _fault(where, "must be an object")
        return {
            name: _scalar(value, f"{where}{format_pointer((name,))}")
            for name, value in found.items()
            if not isinstance(value, dict | list)
        }

    def _where(self, phrase: Phrase) -> str:
        places = [part for part in phrase.parts if isinstance(part, Place)]
        return shown(places[0], self._steps) if places else "#" + format_pointer(self._steps)


def _scalar(found: Any, where: str) -> str:
    if found is MISSING or found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, float) and found.is_integer() and abs(found) < _EXACT:
        return str(int(found))
    if isinstance(found, str | int | float):
        return str(found).strip()
    raise _fault(where, "must be a text or a number")


def _moment_ms(text: str) -> int | None:
    try:
        number = float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        found_ms = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
        # Go's zero time, and its like: not yet.
        found_ms = max(found_ms, 0.0)
    else:
        found_ms = number if abs(number) > _SECONDS_MOST else number * 1000
    if not math.isfinite(found_ms) or not 0 <= found_ms <= _MOMENT_MOST_MS:
        raise ValueError
    return round(found_ms) or None


def _fault(pointer: str, cause: str) -> InputError:
    return InputError(f"cannot take alerts: {pointer} {cause}", errors=[{"pointer": pointer, "detail": cause}])
