"""What exporters show is what is read; the independent encoder is prometheus_client."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from nagare.errors import InputError, UnsupportedMediaError
from nagare.interop.exposition import parse_exposition
from nagare.model.samples import REFUSED_SERIES, SeriesId
from tests.support.interned import Interned, same

TEXT = "text/plain; version=0.0.4"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
NOW = 1_760_000_000_000


def _read(text: str | bytes, content_type: str = TEXT, **more: Any) -> list[tuple[str, dict[str, str], int, float]]:
    interned = Interned()
    body = text.encode() if isinstance(text, str) else text
    parsed = parse_exposition(
        body, content_type=content_type, now_ms=NOW, intern=interned, extra=more.pop("extra", {}), **more
    )
    return interned.told(parsed.samples)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("up 1", ("up", {}, NOW, 1.0)),
        ("up 1\r", ("up", {}, NOW, 1.0)),
        ("up  1   1760000000123", ("up", {}, 1_760_000_000_123, 1.0)),
        ("up 1 -5", ("up", {}, -5, 1.0)),
        ('a:b{x="1",y="2"} 0.5', ("a:b", {"x": "1", "y": "2"}, NOW, 0.5)),
        ('a { x = "1" , y="2", } 1e3', ("a", {"x": "1", "y": "2"}, NOW, 1000.0)),
        ("a{} 1", ("a", {}, NOW, 1.0)),
        (r'a{x="C:\\DIR\n\"q\" }# ,"} 1', ("a", {"x": 'C:\\DIR\n"q" }# ,'}, NOW, 1.0)),
        (r'a{x="\d"} 1', ("a", {"x": r"\d"}, NOW, 1.0)),
        ('{"my.metric","a b"="c"} 3', ("my.metric", {"a b": "c"}, NOW, 3.0)),
        ('{__name__="a",x="1"} 3', ("a", {"x": "1"}, NOW, 3.0)),
        ('a{x=""} 1', ("a", {}, NOW, 1.0)),
        ('a{x="é"} +Inf', ("a", {"x": "é"}, NOW, float("inf"))),
        ("a -Inf", ("a", {}, NOW, float("-inf"))),
        ("a NaN", ("a", {}, NOW, float("nan"))),
    ],
)
def test_a_line(line: str, told: tuple[str, dict[str, str], int, float]) -> None:
    assert same(_read(line), [told])


@pytest.mark.parametrize(
    "line",
    [
        "up", "up one", "up 1 2 3", "up 1 1.5", "up 1 99999999999999999999", "1up 1", 'a{x="1} 2', "a{x=1} 2",
        'a{x="1",x="2"} 3', 'a{="1"} 2', '{x="1"} 2', 'a{"b"} 1', "up 1_000", "up 0x10", "up infinityy", 'a{x="1"y="2"} 3',
        "{} 1", 'a{x="1"}', "a5.3", "a-1 5", "a+Inf",
    ],
)  # fmt: skip
def test_a_malformed_line_refuses_the_document_and_is_named(line: str) -> None:
    with pytest.raises(InputError, match="line 2") as caught:
        _read(f"up 1\n{line}\n")
    assert caught.value.errors[0]["line"] == 2


def test_labels_of_the_target_win_and_rename_its_own() -> None:
    extra = {"job": "node", "instance": "web1:9100"}
    line = 'a{job="mine",x="1"} 1'
    assert _read(line, extra=extra)[0][1] == {**extra, "exported_job": "mine", "x": "1"}
    assert _read(line, extra=extra, honor_labels=True)[0][1] == {**extra, "job": "mine", "x": "1"}
    line = 'a{job="mine",instance=""} 1'
    assert _read(line, extra=extra)[0][1] == {**extra, "exported_job": "mine"}
    assert _read(line, extra=extra, honor_labels=True)[0][1] == {"job": "mine"}


def test_known_series_are_not_taken_apart_again_and_refused_ones_are_not_remembered() -> None:
    interned, known = Interned(limit=1), dict[bytes, SeriesId]()
    for _ in range(3):
        parsed = parse_exposition(
            b'a{x="1"} 1\nb 2\n', content_type=TEXT, now_ms=NOW, intern=interned, extra={}, known=known
        )
        assert parsed.samples.series.tolist() == [0, REFUSED_SERIES]
    assert interned.calls == 4
    assert known == {b'a{x="1"}': 0}


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("requests", 'served "requests"\nso far', ["path"], registry=registry).labels('/a\\b"c\nd').inc(3)
    Gauge("temperature_celsius", "how warm", registry=registry, unit="celsius").set(-1.5)
    histogram = Histogram("latency_seconds", "how long", registry=registry)
    histogram.observe(0.2, {"trace_id": "a # b } c"})
    return registry


@pytest.mark.parametrize(("encode", "content_type"), [(generate_latest, TEXT), (generate_openmetrics, OPEN)])
def test_what_prometheus_client_shows(encode: Any, content_type: str) -> None:
    registry = _registry()
    told = {
        (name, tuple(sorted(labels.items()))): value
        for name, labels, _, value in _read(encode(registry), content_type)
        if not name.endswith("_created")
    }
    assert told == {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_metadata() -> None:
    parsed = parse_exposition(
        generate_openmetrics(_registry()), content_type=OPEN, now_ms=NOW, intern=Interned(), extra={}
    )
    by_name = {entry.name: entry for entry in parsed.metadata}
    assert by_name["requests"].type == "counter"
    assert by_name["requests"].help == 'served "requests"\nso far'
    assert by_name["temperature_celsius"].unit == "celsius"
    assert by_name["latency_seconds"].type == "histogram"


def test_openmetrics_times_are_seconds_and_its_end_is_told() -> None:
    assert _read("a 1 1760000000.5\n# EOF\n", OPEN) == [("a", {}, 1_760_000_000_500, 1.0)]
    with pytest.raises(InputError, match="without # EOF"):
        _read("a 1\n", OPEN)
    with pytest.raises(InputError, match="line 2: it stands after # EOF"):
        _read("# EOF\na 1\n", OPEN)


def test_another_content_type_is_refused() -> None:
    with pytest.raises(UnsupportedMediaError):
        _read("up 1", "application/vnd.google.protobuf")


@given(st.binary(max_size=200), st.sampled_from([TEXT, OPEN]))
def test_arbitrary_bytes_are_read_or_refused(body: bytes, content_type: str) -> None:
    try:
        _read(body, content_type)
    except InputError:
        return


_LABEL = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]*", fullmatch=True),
            st.dictionaries(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]*", fullmatch=True), _LABEL, max_size=4),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(),
        ),
        max_size=8,
    )
)
def test_round_trip(rows: list[tuple[str, dict[str, str], int, float]]) -> None:
    def escaped(value: str) -> str:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')

    def inside(labels: dict[str, str]) -> str:
        return ",".join(f'{label}="{escaped(value)}"' for label, value in labels.items())

    lines = [f"{name}{{{inside(labels)}}} {value!r} {ts}" for name, labels, ts, value in rows]
    assert same(_read("\n".join(lines)), rows)


_PIECES = st.sampled_from(
    [
        "a",
        "b",
        " ",
        "  ",
        "\t",
        "{",
        "}",
        '="',
        '"',
        ",",
        'x="1"',
        '{x="1"}',
        '{x="1 2"}',
        "1",
        "-2.5",
        "1_0",
        "NaN",
        "# EOF",
        "#",
        "\\",
    ]
)
_LINES = st.lists(st.lists(_PIECES, max_size=6).map("".join), max_size=5)


@given(warming=_LINES, lines=_LINES, content_type=st.sampled_from([TEXT, OPEN]))
def test_what_was_read_before_changes_nothing(warming: list[str], lines: list[str], content_type: str) -> None:
    known: dict[bytes, SeriesId] = {}
    interned = Interned()

    def read(text: str, known: dict[bytes, SeriesId]) -> Any:
        try:
            parsed = parse_exposition(
                text.encode(), content_type=content_type, now_ms=NOW, intern=interned, extra={}, known=known
            )
        except InputError as error:
            return error.message
        return interned.told(parsed.samples)

    for line in warming:
        read(line + "\n# EOF", known)
    text = "\n".join(lines) + "\n# EOF"
    warm, cold = read(text, known), read(text, {})
    assert same(warm, cold) if isinstance(warm, list) and isinstance(cold, list) else warm == cold
