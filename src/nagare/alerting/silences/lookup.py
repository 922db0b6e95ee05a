"""Silences by a label that they name, so that an alert is compared only with those that may be about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nagare.model.alert.silence import Silence


class ByLabel:
    """Silences as of one moment: made once, asked for many alerts."""

    def __init__(self, silences: Iterable[Silence]) -> None:
        """Note under which label each one is found; one that names none may be about any alert."""
        self._named: dict[tuple[str, str], list[tuple[int, Silence]]] = {}
        self._others: list[tuple[int, Silence]] = []
        for entry in enumerate(silences):
            key = _key(entry[1])
            (self._others if key is None else self._named.setdefault(key, [])).append(entry)

    def about(self, labels: Mapping[str, str]) -> list[Silence]:
        """Return those that are about an alert with ``labels``, in the order in which they were given."""
        maybe = list(self._others)
        for label in labels.items():
            maybe += self._named.get(label, ())
        return [silence for _, silence in sorted(maybe, key=_place) if silence.is_meant(labels)]


def _key(silence: Silence) -> tuple[str, str] | None:
    # An empty text is true of an alert without the label, too.
    named = ((one.name, one.text) for one in silence.matchers if one.sign == "=" and one.text)
    return next(named, None)


def _place(entry: tuple[int, Silence]) -> int:
    return entry[0]
