"""From the answer of a statement to what is seen of each thing. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nagare.alerting.alerts.lifecycle import Seen
from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.model.alert.alert import fingerprint_of
from nagare.model.alert.definition import RESERVED
from nagare.model.alert.rule import Rule
from nagare.model.alert.template import fill
from nagare.model.event import Severity
from nagare.wire.sql import SqlReply

SOURCE = "rules"
# More than one rule may have of what fires or did.
ROWS_LIMIT = 10_000
_VALUE, _HOST = "value", "host"
_LABEL_LIMIT = 1024
# So many take a few milliseconds.
_PIECE_ROWS = 200


class Things:
    """What an answer says of each thing, read piece by piece for who has others wait.

    What neither fires nor is ``known``, the fingerprints of the rule's open alerts, is left out: most rows are.
    ``hosts`` are those that the answer has any row of; ``doubt`` says why not every row counts, empty when each does.
    """

    def __init__(self, rule: Rule, reply: SqlReply, known: Collection[str] = ()) -> None:
        """Look at the columns. Raises InputError that says why the answer cannot be judged."""
        self._rule = rule
        self._known = known
        self._rows = reply.rows
        self._names = _check(rule, reply)
        self._shape = rule.shape
        self._things: dict[tuple[str, ...], Seen | None] = {}
        self._count = 0
        self.hosts: set[str] = set()
        self.doubt = ""

    @property
    def seen(self) -> list[Seen]:
        """What is seen of each thing that fires or is known."""
        return [one for one in self._things.values() if one is not None]

    def pieces(self) -> Iterator[None]:
        """Read, and stop after each piece. Raises InputError that says why the answer cannot be judged."""
        for start in range(0, len(self._rows), _PIECE_ROWS):
            for row in self._rows[start : start + _PIECE_ROWS]:
                self._read(row)
            yield

    def _read(self, row: Sequence[Any]) -> None:
        rule = self._rule
        cells = dict(zip(self._names, row, strict=True))
        value = _number(rule, cells.pop(_VALUE, None))
        texts = {name: text for name, cell in cells.items() if (text := _text(cell))}
        self.hosts.add(texts.get(_HOST, ""))
        thing = tuple(part for pair in texts.items() if pair[0] not in rule.details for part in pair)
        seen = self._seen(texts, value)
        if thing in self._things:
            # Names that only differ in what cannot be seen are equal here: one host's must not end the judging of all.
            labels = dict(zip(thing[::2], thing[1::2], strict=True))
            self.doubt = (
                f"cannot judge every row of rule {rule.name}: two rows have the same labels {labels}, and the worse counts "
                "(let the statement answer with one row for each thing, by GROUP BY)"
            )
            seen = _worse(rule, self._things[thing], seen)
        self._count += seen is not None and self._things.get(thing) is None
        if self._count > ROWS_LIMIT:
            raise InputError(
                f"cannot judge rule {rule.name}: more than {ROWS_LIMIT} of its rows fire",
                hint="let it answer with less, such as one row for each host",
            )
        self._things[thing] = seen

    def _seen(self, texts: Mapping[str, str], value: float | None) -> Seen | None:
        rule, known = self._rule, self._known
        is_firing = rule.is_firing(value)
        if not is_firing and not (known and fingerprint_of(_labels(rule, texts, value)) in known):
            return None
        seen = make_seen(rule, texts, value, is_firing=is_firing, is_calm=rule.is_calm(value))
        return replace(seen, shape=self._shape)


def seen_of(rule: Rule, reply: SqlReply, known: Collection[str] = ()) -> Things:
    """Return what ``reply`` says under ``rule``. Raises InputError that says why it cannot be judged."""
    things = Things(rule, reply, known)
    for _ in things.pieces():
        pass
    return things


def _worse(rule: Rule, one: Seen | None, other: Seen | None) -> Seen | None:
    if one is None or other is None:
        return one or other
    sign = -1.0 if rule.fires is not None and rule.fires.sign.startswith("<") else 1.0

    def badness(seen: Seen) -> tuple[bool, bool, float]:
        return seen.is_firing, not seen.is_calm, -math.inf if seen.value is None else sign * seen.value

    return max(one, other, key=badness)


def _check(rule: Rule, reply: SqlReply) -> list[str]:
    names = [column.name for column in reply.columns]
    if reply.truncated:
        raise InputError(
            f"cannot judge rule {rule.name}: the answer of its statement is cut off",
            hint="let it answer with less, such as with one row for each host",
        )
    if rule.fires is not None and _VALUE not in names:
        raise InputError(
            f"cannot judge rule {rule.name}: its statement answers without a column {_VALUE}",
            hint=f"call the number that is compared {_VALUE}, or leave fires out",
        )
    return names


def make_seen(rule: Rule, texts: Mapping[str, str], value: float | None, *, is_firing: bool, is_calm: bool) -> Seen:
    """Return what is seen of the thing that ``texts`` tell of; the rule's own labels and texts are added."""
    labels, severity = _labels(rule, texts, value), _severity(rule, texts)
    places = {**texts, **labels, "severity": severity.name.lower()}
    annotations = {name: plain(fill(text, places, value)) for name, text in rule.annotations.items()}
    if rule.guide:
        annotations["guide"] = rule.guide
    return Seen(
        SOURCE,
        # How bad it is changes, what it is about does not.
        fingerprint_of(labels),
        rule.name,
        severity,
        {**labels, "severity": severity.name.lower()},
        annotations,
        value,
        is_firing,
        is_calm,
    )


def _severity(rule: Rule, texts: Mapping[str, str]) -> Severity:
    """Return how bad the thing is; a word that nobody knows changes nothing of what the rule says."""
    return Severity.__members__.get(texts.get(rule.severity_from, "").upper(), rule.severity)


def _labels(rule: Rule, texts: Mapping[str, str], value: float | None) -> dict[str, str]:
    """Return what tells the thing from others; what the rule says of itself no column says."""
    found = {name: text for name, text in texts.items() if name not in rule.details and name not in RESERVED}
    own = {name: plain(fill(text, found, value), _LABEL_LIMIT) for name, text in rule.labels.items()}
    return {**found, **own, "alertname": rule.name}


def no_data_seen(rule: Rule, *, is_empty: bool) -> Seen:
    """Return what is seen of a rule whose answer has no row, or has some again."""
    text = f"{rule.name}: the statement of the rule answers with nothing"
    return _own_seen(rule, "no-data", rule.severity, text, is_firing=is_empty)


def failing_seen(rule: Rule, cause: str) -> Seen:
    """Return what is seen of a rule that cannot be judged for ``cause``, or can again (empty)."""
    text = f"{rule.name}: the rule cannot be judged: {cause}"
    return _own_seen(rule, "rule-failing", Severity.WARNING, text, is_firing=bool(cause))


def _own_seen(rule: Rule, reason: str, severity: Severity, text: str, *, is_firing: bool) -> Seen:
    name = "RuleFailing" if reason == "rule-failing" else "NoData"
    labels = {"alertname": name, "rule": rule.name, "reason": reason}
    annotations = {"summary": plain(text, 500)}
    whole = {**labels, "severity": severity.name.lower()}
    return Seen(
        SOURCE,
        fingerprint_of(labels),
        f"{rule.name}/{reason}",
        severity,
        whole,
        annotations,
        None,
        is_firing,
        not is_firing,
    )


def _number(rule: Rule, cell: Any) -> float | None:
    if cell is None:
        return None
    try:
        # Decimals and numbers too large for JSON come as texts.
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"cannot judge rule {rule.name}: its column {_VALUE} is no number: {str(cell)[:80]!r}",
            hint="cast it: CAST(… AS DOUBLE) AS value",
        ) from None


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return plain(str(cell), _LABEL_LIMIT)
