"""Prometheus text 0.0.4 and OpenMetrics 1.0, as exporters show it and cron jobs push it.

A line's series is looked up by the very bytes before its value, so only the first of its kind is taken apart: a head
that was once read as a whole can be followed by nothing but the value, whatever that is. A
document is read whole or refused whole, with the number of the faulty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache

from nagare.errors import InputError, UnsupportedMediaError
from nagare.interop.columns import Parsed, SampleRows
from nagare.lib.plain_text import plain
from nagare.model.samples import REFUSED_SERIES, MetricMetadata, SeriesId, SeriesIntern

OPENMETRICS = "application/openmetrics-text"
_TEXT_TYPES = frozenset({"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"})
_INT64 = 2**63
# Possessive throughout: a line that does not close its quotes costs one pass, not one for each quote.
_HEAD = re.compile(rb'[ \t]*+([a-zA-Z_:][a-zA-Z0-9_:]*+)?+[ \t]*+(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*+")*+)\})?+')
_NAME = rb'(?:[a-zA-Z_][a-zA-Z0-9_]*+|"(?:[^"\\]|\\.)*+")'
_LABEL = re.compile(
    rb"[ \t]*+(" + _NAME + rb')[ \t]*+(?:=[ \t]*+"((?:[^"\\]|\\.)*+)")?+[ \t]*+(?:,|$)',
)
_NUMBER = re.compile(rb"[+-]?(?:(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?|[nN][aA][nN]|[iI][nN][fF](?:inity)?)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


def parse_exposition(  # noqa: PLR0913  one document and what is known beside it, all by keyword
    body: bytes,
    *,
    content_type: str,
    now_ms: int,
    intern: SeriesIntern,
    extra: Mapping[str, str],
    known: MutableMapping[bytes, SeriesId] | None = None,
    honor_labels: bool = False,
) -> Parsed:
    """Return the samples and metadata of ``body``; a sample without a time of its own gets ``now_ms``.

    ``extra`` labels go to every series; a label of the same name in the body becomes ``exported_<name>``, or wins with
    ``honor_labels``. ``known`` remembers series from call to call: keep one for each ``intern`` and ``extra``.
    Raises InputError that names the line, InvalidLabelError, UnsupportedMediaError for another content type.
    """
    media = content_type.partition(";")[0].strip().lower()
    if media != OPENMETRICS and media not in _TEXT_TYPES:
        raise UnsupportedMediaError(
            f"cannot read content type {plain(media, 80)!r} as an exposition",
            hint=f"send text/plain; version=0.0.4 or {OPENMETRICS}",
        )
    labels = _Labels(intern, extra, honor_labels)
    reader = _Reader(labels, now_ms, {} if known is None else known, is_open=media == OPENMETRICS)
    return reader.read(body)


@dataclass(frozen=True, slots=True)
class _Labels:
    """Turns the head of a line into a series."""

    intern: SeriesIntern
    extra: Mapping[str, str]
    honors: bool

    def series(self, name: bytes | None, inside: bytes | None) -> SeriesId:
        labels: dict[str, str] = {}
        text = None if name is None else name.decode()
        for label, value in _label_pairs(inside or b""):
            if value is None:
                if text is not None or labels:
                    raise InputError(f"label {label!r} has no value")
                text = label
            elif label in labels:
                raise InputError(f"label {label!r} stands there twice")
            else:
                labels[label] = value
        text = labels.pop("__name__", text) if text is None else text
        if not text:
            raise InputError("it has no metric name")
        return self.intern.intern(text, self._joined(labels))

    def _joined(self, labels: dict[str, str]) -> dict[str, str]:
        if self.honors:
            # By an empty label a page says that it wants none: a push gateway keeps the instance off its series so.
            return _without_empty({**self.extra, **labels})
        own = _without_empty(labels)
        for name in self.extra.keys() & own.keys():
            own[f"exported_{name}"] = own.pop(name)
        return {**own, **self.extra}


def _without_empty(labels: Mapping[str, str]) -> dict[str, str]:
    # An empty value is the same as no label.
    return {name: value for name, value in labels.items() if value}


def _label_pairs(inside: bytes) -> Iterator[tuple[str, str | None]]:
    at = 0
    while at < len(inside) and inside[at:].strip():
        found = _LABEL.match(inside, at)
        if found is None:
            raise InputError("its labels are malformed")
        name, value = found[1], found[2]
        yield _text(name[1:-1] if name[:1] == b'"' else name), None if value is None else _text(value)
        at = found.end()


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InputError("a name or a label is no UTF-8") from error
    return _unescape(text) if "\\" in text else text


def _unescape(text: str) -> str:
    # What is no escape stands for itself, backslash included, as Prometheus reads it.
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), text)


@dataclass(slots=True)
class _Said:
    """What comment lines say of one metric."""

    type: str = ""
    unit: str = ""
    help: str = ""


@dataclass(slots=True)
class _Reader:
    """One document on its way."""

    labels: _Labels
    now_ms: int
    known: MutableMapping[bytes, SeriesId]
    is_open: bool
    rows: SampleRows = field(default_factory=SampleRows)
    said: dict[str, _Said] = field(default_factory=dict)
    ended: bool = False

    def read(self, body: bytes) -> Parsed:
        # Most lines are a head that is known, one space and a number: those need no more than this loop.
        find, rows, now_ms = self.known.get, self.rows, self.now_ms
        add_series, add_time, add_value = rows.series.append, rows.ts_ms.append, rows.values.append
        for number, line in enumerate(body.split(b"\n"), 1):
            head, _, word = line.rpartition(b" ")
            series = find(head)
            # The library's numbers may be grouped by underscores; those of expositions may not.
            if series is not None and not self.ended and b"_" not in word:
                try:
                    value = float(word)
                except ValueError:
                    pass
                else:
                    add_series(series)
                    add_time(now_ms)
                    add_value(value)
                    continue
            self._numbered(number, line)
        if self.is_open and not self.ended:
            raise InputError("cannot read exposition: it ends without # EOF", hint="the exporter's answer was cut off")
        metadata = tuple(MetricMetadata(name, said.type, said.unit, said.help) for name, said in self.said.items())
        return Parsed(rows.samples(), metadata)

    def _numbered(self, number: int, line: bytes) -> None:
        try:
            self._line(line)
        except InputError as error:
            message = f"cannot read line {number}: {error.message}"
            raise type(error)(message, hint=error.hint, errors=[{"line": number, "detail": error.message}]) from error

    def _line(self, line: bytes) -> None:
        if line[:1] == b"#":
            self._comment(line)
            return
        found = _HEAD.match(line)
        assert found is not None  # every part of it may be missing
        rest = line[found.end() :]
        if not rest or rest.isspace():
            if found.end() and found[0].strip():
                raise InputError("it has no value")
            return
        if self.ended:
            raise InputError("it stands after # EOF")
        head = found[0].rstrip(b" \t")
        if head == found[0] and head[-1:] != b"}":
            raise InputError("a name is malformed, or no space stands behind it")
        series = self.known.get(head)
        if series is None:
            series = self.labels.series(found[1], found[2])
            if series != REFUSED_SERIES:
                self.known[head] = series
        self._sample(series, rest)

    def _sample(self, series: SeriesId, rest: bytes) -> None:
        if self.is_open:
            rest = rest.partition(b"#")[0]  # an exemplar: numbers hold no such sign
        words = rest.split()
        if not 1 <= len(words) <= 2:
            raise InputError("a value, and at most a time, must follow the series")
        ts_ms = self._time(words[1]) if len(words) == 2 else self.now_ms
        self.rows.add(series, ts_ms, _number(words[0]))

    def _time(self, word: bytes) -> int:
        if self.is_open:
            seconds = _number(word)
            if abs(seconds) < _INT64 / 1000:
                return round(seconds * 1000)
        elif word.removeprefix(b"-").isdigit() and len(word) <= 20 and -_INT64 <= int(word) < _INT64:
            return int(word)
        raise InputError(f"{plain(word.decode(errors='replace'), 40)!r} is no time")

    def _comment(self, line: bytes) -> None:
        if self.is_open and line.split(None, 2) == [b"#", b"EOF"]:
            self.ended = True
        found = _usual_comment(line) if len(line) <= _USUAL_COMMENT_BYTES else _read_comment(line)
        if found is not None:
            name, what, text = found
            said = self.said.get(name)
            if said is None:
                said = self.said[name] = _Said()
            setattr(said, what, text)


def _read_comment(line: bytes) -> tuple[str, str, str] | None:
    """Return the metric, what is said of it and the words, None for a comment that says nothing of a metric."""
    words = line.split(None, 3)
    if len(words) < 3 or words[0] != b"#" or words[1] not in (b"TYPE", b"HELP", b"UNIT"):
        return None
    name, text = _text(words[2].strip(b'"')), words[3] if len(words) > 3 else b""
    read = text.decode(errors="replace")
    said = _unescape(read.removesuffix("\r")) if words[1] == b"HELP" else read.strip()
    return name, words[1].decode().lower(), said


# Exporters say the same at each scrape, and those of one kind say the same of their metrics.
_USUAL_COMMENT_BYTES = 400
_usual_comment = lru_cache(8192)(_read_comment)


def _number(word: bytes) -> float:
    if _NUMBER.fullmatch(word) is None:
        raise InputError(f"{plain(word.decode(errors='replace'), 40)!r} is no number")
    return float(word)
