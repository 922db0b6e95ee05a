"""The typed client of the server's HTTP API: one method a call, wire structs in and out.

What goes wrong arrives as the exceptions of ``nagare.errors``: the server's problem documents by their code, a network
fault as ConnectFailedError, a passed deadline as DeadlineExceededError. The network library is loaded by the first
``async with``, so that a program may import this module for its types alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from nagare.client.problems import problem_of
from nagare.client.target import FindTarget, Target
from nagare.errors import DeadlineExceededError, InputError, UnavailableError
from nagare.lib.clock import Clock, SystemClock
from nagare.lib.invariant import invariant
from nagare.lib.names import path_name
from nagare.net.answer import Answer
from nagare.net.lean import LeanSession
from nagare.net.trust import Trust
from nagare.wire.audit import AuditHead, AuditList, AuditView
from nagare.wire.batch import JSON, BatchReply
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.codec import decode, encode
from nagare.wire.events import EventRequest, EventView
from nagare.wire.gaps import GapList, GapView
from nagare.wire.hosts import (
    HostAccept,
    HostPatch,
    HostView,
    RegisterReply,
    RegisterRequest,
    RenewalCount,
    RenewedToken,
    Standing,
)
from nagare.wire.joining import JoinTokenList, JoinTokenRequest, JoinTokenView
from nagare.wire.queries import QueryCost, QueryCosts
from nagare.wire.signature import HEADER as SIGNATURE_HEADER
from nagare.wire.sql import SqlReply, SqlRequest, TableView
from nagare.wire.system import Health, Status
from nagare.wire.targets import TargetList, TargetView

if TYPE_CHECKING:
    from nagare.net.byte_socket import ByteSocket
    from nagare.net.lines import LineStream
    from nagare.net.session import HttpSession, LiveSocket

T = TypeVar("T")
BATCH_PATH = "/api/v1/metrics/batch"
RENEW_PATH = "/api/v1/standing/token"
STANDING_PATH = "/api/v1/standing"
# A dead peer is noticed after one and a half of these.
HEARTBEAT_SECONDS = 10.0
_JSON = {"Content-Type": JSON}


class Client:
    """Calls to one server; ``async with Client(target) as client``.

    With ``find`` the client can follow a server that came back at another address (``retarget``).
    """

    def __init__(
        self,
        target: Target,
        *,
        deadline_seconds: float = 40.0,
        clock: Clock | None = None,
        find: FindTarget | None = None,
        is_lean: bool = False,
    ) -> None:
        """Keep the target; nothing is opened yet. A lean client takes little memory and makes one call at a time."""
        self.target = target
        self.clock: Clock = clock or SystemClock()
        self._deadline_seconds = deadline_seconds
        self._find = find
        self._is_lean = is_lean
        self._session: HttpSession | LeanSession | None = None
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Prepare the connections. Raises ConfigError for an address or certificate authority that is unusable."""
        self._session = await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.__aexit__(None, None, None)

    async def retarget(self) -> bool:
        """Look again where the server is, and tell whether it moved. Raises what ``find`` raises."""
        if self._find is None:
            return False
        if (target := self._find()) == self.target:
            return False
        previous, self.target = self._session, target
        self._session = await self._open()
        if previous is not None:
            await previous.__aexit__(None, None, None)
        return True

    async def health(self) -> Health:
        """Return the server's health, also when it is not well; needs no token."""
        answer = await self._request("GET", "/api/v1/health")
        if answer.status in (200, 503) and answer.headers.get("content-type", "").startswith("application/json"):
            return self._decode(answer, Health)
        raise problem_of(answer, "read health", self.clock)

    async def status(self) -> Status:
        """Return the server about itself."""
        return await self._fetch("/api/v1/status", Status)

    async def tables(self) -> list[TableView]:
        """Return the tables that SQL sees."""
        return await self._fetch("/api/v1/tables", list[TableView])

    async def cardinality(self, limit: int) -> CardinalityReply:
        """Return the number of series, with the ``limit`` largest groups of each kind."""
        return await self._fetch("/api/v1/cardinality", CardinalityReply, {"limit": str(limit)})

    async def queries(self, limit: int) -> list[QueryCost]:
        """Return the ``limit`` statements that took the server most time."""
        return (await self._fetch("/api/v1/queries", QueryCosts, {"limit": str(limit)})).queries

    async def targets(self) -> list[TargetView]:
        """Return every scrape target."""
        return (await self._fetch("/api/v1/targets", TargetList)).targets

    async def sql(
        self,
        sql: str,
        params: Sequence[Any] | Mapping[str, Any] | None = None,
        limit: int | None = None,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SqlReply:
        """Run one SELECT; ``limit`` is the most rows wanted, the window holds for every table that it names."""
        bound = dict(params) if isinstance(params, Mapping) else None if params is None else list(params)
        request = SqlRequest(sql, bound, limit, since_ms=since_ms, until_ms=until_ms)
        return await self._send("POST", "/api/v1/sql", request, SqlReply)

    async def hosts(self) -> list[HostView]:
        """Return every host that the caller may see."""
        return (await self._fetch("/api/v1/hosts", dict[str, list[HostView]]))["hosts"]

    async def host(self, name: str) -> HostView:
        """Return the host of that name. Raises NotFoundError."""
        return await self._fetch(_host_path(name), HostView)

    async def gaps(self, name: str) -> list[GapView]:
        """Return when nothing came of a host in time, the oldest first. Raises NotFoundError."""
        return (await self._fetch(f"{_host_path(name)}/gaps", GapList)).gaps

    async def patch_host(self, name: str, labels: Mapping[str, str]) -> HostView:
        """Replace the labels of a host."""
        return await self._send("PATCH", _host_path(name), HostPatch(dict(labels)), HostView)

    async def delete_host(self, name: str) -> None:
        """Forget a host and void its token; its samples stay."""
        await self._call("DELETE", _host_path(name))

    async def accept_host(self, name: str, capabilities: Sequence[str]) -> HostView:
        """Let a host work that waits or was revoked."""
        return await self._send("POST", f"{_host_path(name)}/accept", HostAccept(list(capabilities)), HostView)

    async def revoke_host(self, name: str) -> HostView:
        """Shut a host out until it is accepted again."""
        return self._decode(await self._call("POST", f"{_host_path(name)}/revoke"), HostView)

    async def mint_join_token(self, request: JoinTokenRequest) -> JoinTokenView:
        """Mint a join token; it is told only now."""
        return await self._send("POST", "/api/v1/join-tokens", request, JoinTokenView)

    async def join_tokens(self) -> list[JoinTokenView]:
        """Return join tokens, the newest first."""
        return (await self._fetch("/api/v1/join-tokens", JoinTokenList)).tokens

    async def revoke_join_token(self, token_id: str) -> None:
        """End a join token."""
        await self._call("DELETE", f"/api/v1/join-tokens/{path_name(token_id)}")

    async def register(self, request: RegisterRequest) -> RegisterReply:
        """Register this machine and receive the token that may ingest as it."""
        return await self._send("POST", "/api/v1/hosts/register", request, RegisterReply)

    async def standing(self) -> Standing:
        """Return how far this host has come."""
        return await self._fetch(STANDING_PATH, Standing)

    async def present(self, body: bytes, signature: str) -> Standing:
        """Say what this host is by now; ``body`` is a HostPresentation, ``signature`` covers it."""
        headers = _JSON | {"Content-Encoding": "identity", SIGNATURE_HEADER: signature}
        return self._decode(await self._call("PUT", STANDING_PATH, body=body, headers=headers), Standing)

    async def renew_token(self, body: bytes, signature: str) -> RenewedToken:
        """Ask for a new token for this host; ``body`` is a TokenRenewal, ``signature`` covers it."""
        headers = _JSON | {"Content-Encoding": "identity", SIGNATURE_HEADER: signature}
        return self._decode(await self._call("POST", RENEW_PATH, body=body, headers=headers), RenewedToken)

    async def rotate_hosts(self, name: str | None) -> int:
        """Let that host, or every one (None), renew its token; return how many will."""
        path = "/api/v1/hosts/rotate" if name is None else f"{_host_path(name)}/rotate"
        return self._decode(await self._call("POST", path), RenewalCount).hosts

    async def events(
        self,
        since_ms: int | None = None,
        until_ms: int | None = None,
        host: str | None = None,
        kind: str | None = None,
        limit: int = 100,
    ) -> list[EventView]:
        """Return events, newest first."""
        asked = {"since_ms": since_ms, "until_ms": until_ms, "host": host, "kind": kind, "limit": limit}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return (await self._fetch("/api/v1/events", dict[str, list[EventView]], params))["events"]

    async def post_events(self, events: Sequence[EventRequest]) -> list[str]:
        """Store events and return their ids."""
        return (await self._send("POST", "/api/v1/events", list(events), dict[str, list[str]]))["ids"]

    async def audit(self, wanted: Mapping[str, str | int | None]) -> list[AuditView]:
        """Return audit entries, newest first; ``wanted`` are parameters of ``GET /api/v1/audit``."""
        params = {name: str(value) for name, value in wanted.items() if value is not None}
        return (await self._fetch("/api/v1/audit", AuditList, params)).entries

    async def audit_head(self) -> AuditHead:
        """Return the signed end of the audit log."""
        return await self._fetch("/api/v1/audit/head", AuditHead)

    async def audit_lines(self, after_seq: int, limit: int) -> bytes:
        """Return at most ``limit`` entries behind that one, a line of JSON each; signed heads follow the last."""
        params = {"after_seq": str(after_seq), "limit": str(limit)}
        return (await self._call("GET", "/api/v1/audit/export", params=params)).body

    async def send_batch(self, body: bytes, encoding: str, signature: str | None, media: str = JSON) -> BatchReply:
        """Send a packed batch as it is; ``signature`` is the value of its header, ``media`` its content type."""
        # Always named, because the signature covers the name too.
        headers = {"Content-Type": media, "Content-Encoding": encoding}
        if signature:
            headers[SIGNATURE_HEADER] = signature
        answer = await self._call("POST", BATCH_PATH, body=body, headers=headers)
        return self._decode(answer, BatchReply)

    async def connect_live(self, path: str) -> LiveSocket:
        """Open a WebSocket. Raises like every call."""
        return await self._opened(
            f"connect {path}", lambda session: session.connect_live(path, heartbeat_seconds=HEARTBEAT_SECONDS)
        )

    async def open_bytes(self, path: str, limit_bytes: int) -> ByteSocket:
        """Open a WebSocket of frames of bytes, on a connection of its own. Raises like every call."""
        return await self._opened(f"connect {path}", lambda session: session.open_bytes(path, limit_bytes))

    async def open_lines(self, path: str, params: Mapping[str, str] | None = None, document: Any = None) -> LineStream:
        """Begin to read an answer of lines, to a POST where there is a ``document``; the caller closes it. Raises like every call."""
        method, body = ("GET", None) if document is None else ("POST", encode(document))
        return await self._opened(f"{method} {path}", lambda session: session.open_lines(path, params, body))

    async def fetch(self, path: str, kind: type[T], params: Mapping[str, str] | None = None) -> T:
        """Return the answer to a GET as ``kind``; for the calls of a feature that stand elsewhere."""
        return await self._fetch(path, kind, params)

    async def fetch_bytes(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Return the answer to a GET as it is."""
        return (await self._call("GET", path, params=params)).body

    async def put_bytes(self, path: str, content: bytes) -> None:
        """Send ``content`` as it is."""
        await self._call("PUT", path, body=content, headers={"Content-Type": "application/octet-stream"})

    @overload
    async def send(self, method: str, path: str, document: Any, kind: type[T]) -> T: ...
    @overload
    async def send(self, method: str, path: str, document: Any, kind: None) -> None: ...
    async def send(self, method: str, path: str, document: Any, kind: type[T] | None) -> T | None:
        """Send ``document``, None for no body, and return the answer as ``kind``; as above."""
        body = {} if document is None else {"body": encode(document), "headers": _JSON}
        answer = await self._call(method, path, **body)
        return None if kind is None else self._decode(answer, kind)

    async def _open(self) -> HttpSession | LeanSession:
        trust = Trust(self.target.ca_file, self.target.pin, self.target.next_pins)
        if self._is_lean:
            return await LeanSession(self.target.url, token=self.target.token, trust=trust).__aenter__()
        # Loaded here: a hundred milliseconds that a program which only prints help must not pay.
        from nagare.net.session import HttpSession  # noqa: PLC0415  see the module's first paragraph

        return await HttpSession(self.target.url, token=self.target.token, trust=trust).__aenter__()

    def _session_or_fail(self) -> HttpSession | LeanSession:
        invariant(self._session is not None, "a client must be entered before it is used")
        assert self._session is not None
        return self._session

    async def _fetch(self, path: str, kind: type[T], params: Mapping[str, str] | None = None) -> T:
        return self._decode(await self._call("GET", path, params=params), kind)

    async def _send(self, method: str, path: str, document: Any, kind: type[T]) -> T:
        return self._decode(await self._call(method, path, body=encode(document), headers=_JSON), kind)

    async def _call(self, method: str, path: str, **parts: Any) -> Answer:
        answer = await self._request(method, path, **parts)
        if not 200 <= answer.status < 300:
            raise problem_of(answer, f"{method} {path}", self.clock)
        return answer

    async def _request(self, method: str, path: str, **parts: Any) -> Answer:
        async with self._deadline(f"{method} {path}"):
            session = self._session_or_fail()
            shown = await self._shown(session)
            answer = await session.request(method, path, **parts)
            if answer.status == 401 and await self._renewed(session, shown):
                answer = await session.request(method, path, **parts)
            return answer

    async def _opened(self, request: str, connect: Callable[[HttpSession], Awaitable[T | Answer]]) -> T:
        """Return what stays open; an answer in its place is a refusal."""
        session = self._session_or_fail()
        invariant(not isinstance(session, LeanSession), "a lean client has no live connection")
        assert not isinstance(session, LeanSession)
        async with self._deadline(request):
            shown = await self._shown(session)
            opened = await connect(session)
            if isinstance(opened, Answer) and opened.status == 401 and await self._renewed(session, shown):
                opened = await connect(session)
        if isinstance(opened, Answer):
            raise problem_of(opened, request, self.clock)
        return opened

    async def _shown(self, session: HttpSession | LeanSession) -> str:
        """Return the token that the next request shows, renewed when it would end soon."""
        login = self.target.login
        if login is not None and login.is_due(self.clock):
            await self._renewed(session, login.access)
        return "" if login is None else login.access

    async def _renewed(self, session: HttpSession | LeanSession, shown: str) -> bool:
        """Replace the token ``shown``, if it is a login's; tell whether it was."""
        login = self.target.login
        if login is None or isinstance(session, LeanSession):
            return False

        async def post(path: str, body: bytes) -> Answer:
            return await session.request("POST", path, body=body, headers=_JSON)

        # One at a time: whoever comes second takes up what the first has got.
        async with self._renewing:
            if login.access == shown:
                await login.renew(post, self.clock)
            session.show(login.access)
        return True

    def _deadline(self, request: str) -> _Deadline:
        return _Deadline(self._deadline_seconds, f"cannot {request} at {self.target.url}")

    def _decode(self, answer: Answer, kind: type[T]) -> T:
        try:
            return decode(answer.body, kind)
        except InputError as error:
            raise UnavailableError(
                f"cannot read answer of {self.target.url}: {error.message}",
                hint="check that the address is a nagare server of a matching version",
            ) from error


class _Deadline:
    """``asyncio.timeout`` that ends in our exception."""

    def __init__(self, seconds: float, request: str) -> None:
        self._seconds = seconds
        self._request = request
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise DeadlineExceededError(
                f"{self._request}: no answer within {self._seconds:g} s",
                hint="try again, ask for less, or wait longer by client.deadline_seconds",
            ) from late


def _host_path(name: str) -> str:
    return f"/api/v1/hosts/{path_name(name)}"
