"""A fuzzer over bodies and headers of everything that takes a body: whatever is sent, never a 5xx."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nagare.interop.remote_write.packing import pack_snappy
from nagare.wire.codec import ENCODINGS, encode, pack
from tests.component.server.conftest import Api, Serve
from tests.component.server.loop_thread import LoopThread

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
_CELLS = st.lists(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(max_size=20)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2) | st.integers(1_700_000_000_000, 1_900_000_000_000),
    max_size=4,
)  # fmt: skip
_NAMES = st.sampled_from(
    ["ts", "host", "core", "user_ratio", "id", "kind", "text", "attributes", "severity", "a" * 64, "A", ""]
)
_TABLES = st.dictionaries(
    st.sampled_from(["cpu", "memory", "events", "hosts", "influx.x", "cpu_1m", "../x", "", "select"])
    | st.text(max_size=12),
    st.dictionaries(_NAMES | st.text(max_size=8), _CELLS, max_size=4),
    max_size=3,
)
_BATCH = st.fixed_dictionaries(
    {
        "v": st.just(1) | _JSON,
        "host": st.just("web1") | st.text(max_size=10),
        "boot": st.sampled_from(["b", "c"]) | st.text(max_size=50),
        "seq": st.integers(0, 50) | st.integers(-(2**70), 2**70),
        "tables": _TABLES | _JSON,
    },
    optional={"replaces": st.lists(st.integers(-5, 2**63), max_size=3) | _JSON, "more": _JSON},
)
_SQL = st.fixed_dictionaries(
    {
        "sql": st.text(max_size=60)
        | st.sampled_from(
            ["select 1", "select * from cpu", "select ?", "select $a", "explain select 1", "select ts, host from cpu"]
        )
    },
    optional={
        "params": st.lists(_JSON, max_size=3) | st.dictionaries(st.text(max_size=4), _JSON, max_size=3) | _JSON,
        "limit": st.integers(-5, 10) | st.integers(-(2**70), 2**70),
        "since_ms": st.integers(-(2**70), 2**70),
        "until_ms": st.integers(-(2**70), 2**70),
    },
)
_EVENT = st.fixed_dictionaries(
    {"text": st.text(max_size=30)},
    optional={
        "kind": st.text(max_size=10),
        "severity": st.integers(-2, 5) | st.integers(-(2**70), 2**70),
        "host": st.just("web1") | st.text(max_size=10),
        "id": st.text(max_size=10) | st.none(),
        "ts": st.integers(1_700_000_000_000, 1_900_000_000_000) | st.integers(-(2**70), 2**70) | st.none(),
        "attributes": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    },
)
_HOST = st.fixed_dictionaries(
    {
        "name": st.text(max_size=10) | st.sampled_from(["web2", "web3"]),
        "machine_id": st.text(max_size=10),
        "version": st.text(max_size=5),
    },
    optional={
        "interval_seconds": st.floats() | st.integers(-(2**70), 2**70),
        "facts": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        "labels": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3) | _JSON,
        "public_key": st.text(max_size=50) | st.none(),
    },
)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(
            ["application/json", "text/plain", "application/json; charset=utf-16", ";", "a/b/c"]
        ),
        "Content-Encoding": st.sampled_from(["identity", "gzip", "zstd", "br", "", ",", "GZIP", "x" * 200]),
        "Nagare-Signature": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100).map(str.strip),
        "X-Request-Id": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80).map(str.strip),
        "Accept": st.sampled_from(["*/*", "text/html", "application/openmetrics-text; version=9.9.9"]),
        "Expect": st.sampled_from(["100-continue", "200-maybe"]),
        "Range": st.just("bytes=0-"),
    },
)
_ROUTES = [
    ("/api/v1/metrics/batch", _BATCH, True),
    ("/api/v1/sql", _SQL, False),
    ("/api/v1/events", _EVENT | st.lists(_EVENT, max_size=3), False),
    ("/api/v1/events", _EVENT, True),
    ("/api/v1/hosts/register", _HOST, False),
    ("/api/v1/tickets", _JSON, False),
]
_QUIET = hypothesis_settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


_FOREIGN = [
    ("/api/v1/write", ["application/x-protobuf", "application/x-protobuf;proto=io.prometheus.write.v2.Request"]),
    ("/api/v1/otlp/v1/metrics", ["application/x-protobuf", "application/json"]),
    ("/api/v1/import/prometheus", ["text/plain", "application/openmetrics-text"]),
    ("/write", ["text/plain"]),
    ("/api/v2/write", ["text/plain"]),
]
_PIECES = [
    b"\x0a\x1a\x0a\x0e\x0a\x08__name__\x12\x02up\x12\x08\x09\0\0\0\0\0\0\xf0\x3f", b"\x22\0", b"\x2a\x04\x0a\x02\1\2", b"up 1\n", b"# EOF",
    b'{"resourceMetrics":[', b"]}", b"cpu,host=web1 v=1i\n", b"cpu,a=b v=2.5 ", b'm\\ x t="q"', b"\n",
]  # fmt: skip


class Fuzzed:
    """A server on a loop of its own, so that a synchronous fuzzer can call it thousands of times."""

    def __init__(self, data: Path) -> None:
        self._thread = LoopThread()
        self._served = Serve(data)()
        self.api: Api = self.run(self._served.__aenter__())
        self.token: str = self.run(self.api.register())

    def run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._thread.loop)
        return future.result(60)

    def expect_no_5xx_of_foreign(self, path: str, body: bytes, headers: dict[str, str], *, as_host: bool) -> None:
        token = self.token if as_host else ""
        answer = self.run(self.api.call("POST", path, body=body, headers=headers, token=token))
        assert answer.status < 500, (path, body, headers, answer.raw)

    def close(self) -> None:
        self.run(self._served.__aexit__(None, None, None))
        self._thread.close()

    def expect_no_5xx(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], *, as_host: bool
    ) -> None:
        token = self.token if as_host else ""
        answer = self.run(self.api.call(method, path, body=body, headers=headers, token=token))
        assert answer.status < 500, (method, path, body, headers, answer.raw)
        if answer.status >= 400 and method != "HEAD":
            assert answer.code


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    server = Fuzzed(tmp_path_factory.mktemp("fuzz") / "data")
    yield server
    server.close()


@pytest.mark.parametrize(
    ("path", "documents", "as_host"), _ROUTES, ids=[f"{path} {as_host}" for path, _, as_host in _ROUTES]
)
def test_documents(fuzzed: Fuzzed, path: str, documents: st.SearchStrategy[Any], as_host: bool) -> None:
    @_QUIET
    @given(document=documents | _JSON, headers=_HEADERS)
    def check(document: Any, headers: dict[str, str]) -> None:
        encoding = headers.get("Content-Encoding", "").lower()
        body = pack(encode(document), encoding if encoding in ENCODINGS else "identity")
        fuzzed.expect_no_5xx("POST", path, body, headers, as_host=as_host)

    check()


@pytest.mark.parametrize("path", sorted({path for path, _, _ in _ROUTES}))
def test_bytes(fuzzed: Fuzzed, path: str) -> None:
    @_QUIET
    @given(body=st.binary(max_size=200), headers=_HEADERS, as_host=st.booleans())
    def check(body: bytes, headers: dict[str, str], as_host: bool) -> None:
        fuzzed.expect_no_5xx("POST", path, body, headers, as_host=as_host)

    check()


@pytest.mark.parametrize(("path", "types"), _FOREIGN, ids=[path for path, _ in _FOREIGN])
def test_foreign_bytes(fuzzed: Fuzzed, path: str, types: list[str]) -> None:
    @_QUIET
    @given(
        content=st.lists(st.sampled_from(_PIECES) | st.binary(max_size=40), max_size=6).map(b"".join),
        content_type=st.sampled_from(types),
        encoding=st.sampled_from(["identity", "gzip", "zstd", "snappy"]),
        is_packed=st.booleans(),
        headers=_HEADERS,
        as_host=st.booleans(),
    )
    def check(
        content: bytes, content_type: str, encoding: str, is_packed: bool, headers: dict[str, str], as_host: bool
    ) -> None:
        if is_packed:
            content = pack_snappy(content) if encoding == "snappy" else pack(content, encoding)
        sent = {**headers, "Content-Type": content_type, "Content-Encoding": encoding}
        fuzzed.expect_no_5xx_of_foreign(path, content, sent, as_host=as_host)

    check()


@_QUIET
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    method=st.sampled_from(["GET", "PATCH", "DELETE", "HEAD"]),
    labels=_JSON
    | st.fixed_dictionaries({"labels": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)}),
)
def test_host_names(fuzzed: Fuzzed, name: str, method: str, labels: Any) -> None:
    from urllib.parse import quote

    body = encode(labels) if method == "PATCH" else None
    fuzzed.expect_no_5xx(method, f"/api/v1/hosts/{quote(name, safe='')}", body, {}, as_host=False)


@_QUIET
@given(
    query=st.dictionaries(
        st.sampled_from(["since_ms", "until_ms", "host", "kind", "limit"]),
        st.text(max_size=20) | st.integers().map(str),
        max_size=4,
    )
)
def test_event_queries(fuzzed: Fuzzed, query: dict[str, str]) -> None:
    from urllib.parse import urlencode

    pairs = urlencode(query, errors="replace")
    fuzzed.expect_no_5xx("GET", f"/api/v1/events?{pairs}", None, {}, as_host=False)


def test_the_server_is_still_well(fuzzed: Fuzzed) -> None:
    answer = fuzzed.run(fuzzed.api.call("GET", "/api/v1/health"))
    assert answer.json["status"] == "ok"
    assert fuzzed.api.services.bodies.held_bytes == 0
