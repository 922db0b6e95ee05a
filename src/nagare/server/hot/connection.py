"""A connection that knows the heads of its senders: such a request needs no parser, no request object, no middlewares.

Whole requests with a known head are answered here, one at a time; all others, and everything out of the ordinary, goes
to the library from its first byte. The two never mix within a request: while bytes of one are on their way to the
library, or its answer is, nothing is looked at here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.web_protocol import RequestHandler

from nagare.errors import NagareError
from nagare.model.principal import Principal, PrincipalKind
from nagare.server.bodies import Body, Holding
from nagare.server.hot.heads import (
    Entry,
    Finish,
    Head,
    HotAnswer,
    HotCall,
    HotRoute,
    is_lasting,
    is_whole_question,
    read_head,
)
from nagare.server.services import GENERATION
from nagare.server.stamps import STAMPS

if TYPE_CHECKING:
    from nagare.server.services import Services

log = logging.getLogger(__name__)

# What is longer goes the long way: its head costs little beside its body.
_BODY_BYTES = 256 * 1024
# A sender that stops in the middle of a body is the library's to time out.
_PATIENCE_SECONDS = 5.0
# Requests that came while one is answered; a sender that sends more waits.
_WAITING_BYTES = 64 * 1024
_REASONS = {200: b"OK", 204: b"No Content"}
_UNKNOWN = -1
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n"
_STOPPING = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_STAMPS = "\r\n".join(f"{name}: {value}" for name, value in STAMPS.items()).encode()
# Ids of requests: sixteen digits of chance for this process, then a number.
_PREFIX = secrets.token_hex(8).encode()
_numbers = itertools.count(1)


class _Work(NamedTuple):
    path: str
    holding: Holding
    request: bytes
    finish: Finish


class HotConnection(RequestHandler):
    """One connection of a server."""

    __slots__ = (
        "_at_work",
        "_candidate",
        "_done",
        "_entry",
        "_head",
        "_is_held",
        "_parts",
        "_rest",
        "_services",
        "_size",
        "_timer",
        "_waiting",
    )

    def __init__(self, services: Services, manager: web.Server, **more: Any) -> None:
        """Serve with ``services``; the rest is the library's."""
        super().__init__(manager, **more)
        self._services = services
        # Bytes of a request that the library is still to get; _UNKNOWN when only it knows where one ends.
        self._rest = 0
        # The key of the head that went the long way last.
        self._candidate = b""
        # A known request whose body is not whole yet.
        self._entry: Entry | None = None
        self._head: Head | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        # Set while a known request is answered: what came meanwhile, and who waits for its end.
        self._waiting: bytearray | None = None
        self._done: asyncio.Future[None] | None = None
        # That request, while what it brought is stored and no task waits for it.
        self._at_work: _Work | None = None
        self._is_held = False

    def data_received(self, data: bytes) -> None:
        """Take what the transport has."""
        if self._waiting is not None:
            self._wait_with(data)
        elif self._entry is not None:
            self._collect(data)
        elif self._rest == 0 and data:
            self._begin(data)
        else:
            self._pass_on(data)

    def learn(self, route: HotRoute, request: web.Request, principal: Principal) -> None:
        """Remember that the request which was just answered went well."""
        key, self._candidate = self._candidate, b""
        # Other credentials end by themselves.
        if key and principal.kind in (PrincipalKind.HOST, PrincipalKind.LOCAL) and is_lasting(key):
            encoding = request.headers.get("Content-Encoding", "identity").strip().lower() or "identity"
            # Of the rights when the caller was let in: they may have changed while it was answered.
            generation = request.get(GENERATION, _UNKNOWN)
            entry = Entry(route, principal, request.path, encoding, route.facts(request), generation)
            self._services.heads.learn(key, entry)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  the library's signature
        """Let the request that is answered end first, then the library does the rest."""
        if self._waiting is not None:
            self._done = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._done], timeout=timeout)
        await super().shutdown(timeout)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget half a request; one that is being answered ends as it would."""
        self._forget_half()
        super().connection_lost(exc)

    def _process_keepalive(self) -> None:
        if self._waiting is None and self._entry is None:
            super()._process_keepalive()
            return
        # For the library the connection is idle; it is not.
        self._keepalive_handle = self._loop.call_later(self._keepalive_timeout, self._process_keepalive)

    def _is_idle(self) -> bool:
        waiter = self._waiter
        is_open = not (self._close or self._force_close)
        # One that does not read its answers is the library's to slow down.
        return is_open and waiter is not None and not waiter.done() and not self._messages and not self._paused

    def _begin(self, data: bytes) -> None:
        head = read_head(data)
        if head is None:
            self._rest = 0 if is_whole_question(data) else _UNKNOWN
            super().data_received(data)
            return
        is_idle = self._is_idle()
        entry = self._find(head) if is_idle else None
        if entry is None:
            # Of two that the library has at one time, it would not be known which one went well.
            self._candidate = head.key if is_idle else b""
            self._rest = head.total_bytes - len(data)
            if self._rest < 0:
                self._rest = _UNKNOWN
            super().data_received(data)
        elif len(data) >= head.total_bytes:
            self._answer_whole(entry, head, data)
        else:
            self._entry, self._head, self._parts, self._size = entry, head, [data], len(data)
            self._timer = self._loop.call_later(_PATIENCE_SECONDS, self._give_up)

    def _find(self, head: Head) -> Entry | None:
        # Who limits senders has few small requests, and refusals that count once.
        if head.total_bytes - head.body_start > _BODY_BYTES or self._services.limits.is_on:
            return None
        return self._services.heads.find(head, self._services.identity.generation)

    def _pass_on(self, data: bytes) -> None:
        # More than the request that is on its way: where the next ones end, the library alone knows from here on.
        self._rest = self._rest - len(data) if self._rest >= len(data) else _UNKNOWN
        super().data_received(data)

    def _collect(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        entry, head = self._entry, self._head
        if entry is not None and head is not None and self._size >= head.total_bytes:
            whole = b"".join(self._parts)
            self._forget_half()
            self._answer_whole(entry, head, whole)

    def _give_up(self) -> None:
        head, parts = self._head, self._parts
        self._forget_half()
        if head is not None:
            self._rest = head.total_bytes
            self._pass_on(b"".join(parts))

    def _forget_half(self) -> None:
        self._entry = self._head = None
        self._parts, self._size = [], 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_with(self, data: bytes) -> None:
        assert self._waiting is not None
        self._waiting += data
        if len(self._waiting) > _WAITING_BYTES and not self._is_held and self.transport is not None:
            self._is_held = True
            self.transport.pause_reading()

    def _answer_whole(self, entry: Entry, head: Head, data: bytes) -> None:
        services = self._services
        if services.crowd.is_full and self.transport is not None:
            self._refuse(data[head.total_bytes :])
            return
        if len(data) > head.total_bytes:
            self._waiting, data = bytearray(data[head.total_bytes :]), data[: head.total_bytes]
        else:
            self._waiting = bytearray()
        if entry.route.begin is None:
            self._start(entry, head, data)
        else:
            services.crowd.note_turn(self._loop)
            self._work_off(entry, head, data)

    def _refuse(self, rest: bytes) -> None:
        assert self.transport is not None
        self.transport.write(_BUSY % self._services.crowd.refuse())
        self._services.counters.add("requests")
        self._services.counters.add("responses_5xx")
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if rest:
            self.data_received(rest)

    def _work_off(self, entry: Entry, head: Head, request: bytes) -> None:
        """Do all that comes before the store here and now: a task would cost as much again as most of it."""
        assert entry.route.begin is not None
        holding = Holding(self._services.bodies)
        try:
            call = self._take(entry, head, request, holding)
            finish = entry.route.begin(call, self._finish)
        except Exception as error:  # noqa: BLE001  told by what is called
            self._let_go(entry.path, holding, request, error)
            return
        if finish is None:
            self._services.bodies.release(holding)
            self._start(entry, head, request)
        else:
            self._at_work = _Work(entry.path, holding, request, finish)

    def _finish(self, outcome: Any) -> None:
        """Answer, now that what the request brought is stored, or was refused."""
        work, self._at_work = self._at_work, None
        assert work is not None  # one at a time
        if isinstance(outcome, BaseException):
            self._let_go(work.path, work.holding, work.request, outcome)
            return
        try:
            answer = work.finish(outcome)
        except Exception as error:  # noqa: BLE001  told by what is called
            self._let_go(work.path, work.holding, work.request, error)
        else:
            self._services.bodies.release(work.holding)
            self._end(answer, work.request)

    def _let_go(self, path: str, holding: Holding, request: bytes, error: BaseException) -> None:
        # What was refused is said by the long way, in the words of the route.
        if not isinstance(error, NagareError):
            log.error("hot_request_broke path=%s", path, exc_info=error)
        self._services.bodies.release(holding)
        self._end(None, request)

    def _start(self, entry: Entry, head: Head, request: bytes) -> None:
        self._services.crowd.taken += 1
        self._services.finisher.start(self._answer(entry, head, request))

    async def _answer(self, entry: Entry, head: Head, request: bytes) -> None:
        # From here on it costs the loop its own time alone: what waits for the disk keeps nobody.
        self._services.crowd.taken -= 1
        holding = Holding(self._services.bodies)
        answer: HotAnswer | None = None
        try:
            answer = await entry.route.serve(self._take(entry, head, request, holding))
        except NagareError:
            pass  # said by the long way, in the words of the route
        except Exception:
            log.exception("hot_request_broke path=%s", entry.path)
        finally:
            self._services.bodies.release(holding)
            self._end(answer, request)

    def _take(self, entry: Entry, head: Head, request: bytes, holding: Holding) -> HotCall:
        holding.add(len(request) - head.body_start)
        holding.body = Body(request[head.body_start :], entry.encoding)
        return HotCall(self._services, entry.principal, entry.path, entry.facts, holding, head.signature)

    def _end(self, answer: HotAnswer | None, request: bytes) -> None:
        waiting, self._waiting = self._waiting, None
        if self._is_held and self.transport is not None:
            self._is_held = False
            self.transport.resume_reading()
        if self._done is not None and not self._done.done():
            self._done.set_result(None)
        if self.transport is None:
            return
        if answer is None and (self._close or self._force_close):
            # The library takes no more; the sender shall know that nothing is lost by trying again.
            self.transport.write(_STOPPING)
        elif answer is None:
            self._rest = len(request)
            self._pass_on(request)
        else:
            self.transport.write(render(answer))
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
            self._services.counters.add("requests")
            self._services.counters.add("hot_requests")
            self._services.counters.add("responses_2xx")
        if waiting:
            self.data_received(bytes(waiting))


def render(answer: HotAnswer) -> bytes:
    """Return the bytes of ``answer``, with the headers that every answer of ours has."""
    status, body, media, headers = answer
    before, after = _head_of(status, media, rfc822_formatted_time())
    length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
    more = b"".join([f"{name}: {value}\r\n".encode() for name, value in headers])
    return b"%b%016x%b%b%b\r\n%b" % (before, next(_numbers), after, length, more, body)


@lru_cache(maxsize=16)
def _head_of(status: int, media: str, date: str) -> tuple[bytes, bytes]:
    """Return what stands before the number of a request, and after it; the same for a second."""
    before = b"HTTP/1.1 %d %s\r\nX-Request-Id: %s" % (status, _REASONS[status], _PREFIX)
    kind = f"Content-Type: {media}\r\n" if media else ""
    return before, b"\r\n%s\r\n%s" % (_STAMPS, f"Date: {date}\r\n{kind}".encode())
