"""What a route is: one row of a table from which the router, the authentication and the OpenAPI document are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from nagare.model.deed import Deed
from nagare.model.principal import Permission, Principal
from nagare.server.audit_note import AuditNote
from nagare.server.bodies import Holding
from nagare.server.foreign.fault import ErrorForm
from nagare.server.hot.heads import HotRoute
from nagare.server.services import Services


@dataclass(slots=True)
class Call:
    """One request on its way through a route: who asks, what was sent, and the services that can answer."""

    request: web.Request
    services: Services
    principal: Principal
    holding: Holding | None = None
    # The decoded body: an instance of the route's ``request`` type.
    value: Any = None
    # What an audited route tells of its change.
    note: AuditNote = field(default_factory=AuditNote)
    # What such a route is about to do, as far as that is known before it looks.
    deed: Deed | None = None

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.request.query

    def spend(self, values: int) -> None:
        """Count ``values`` that came with the request against the limits of ingest."""
        self.services.limits.spend(self.principal, values)

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return self.request.match_info[name]


# Answers with a wire value (sent as JSON), a response of its own, or None (204).
Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Param:
    """A query parameter: its name, JSON schema type and one sentence."""

    name: str
    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``permission`` None makes it public: only what the contract names may be."""

    method: str
    path: str
    handler: Handler
    summary: str
    permission: Permission | None
    request: Any = None
    # A tuple of types: one of them, by what was asked.
    reply: Any = None
    media: str = "application/json"
    # What else it may speak, when asked (Accept) or spoken to so.
    other_media: tuple[str, ...] = ()
    params: tuple[Param, ...] = field(default=())
    # The name by which the audit log records every call, ``<room>.<verb>``; empty for what changes nothing and for data
    # that senders push. A recorded route always runs to its end.
    action: str = ""
    # The entry of what went well is written in the transaction of the change itself: none begins before it, for there is
    # no moment at which one of the two is there without the other.
    keeps_deed: bool = False
    # Anybody may try a secret here: what is refused is bounded on record, as a flood of it may come.
    is_guess: bool = False
    # A part of its path is a secret: it is told of by its pattern.
    has_secret_path: bool = False
    # Answers callers that are limited to groups of hosts, with what concerns those hosts; other routes refuse them.
    is_scoped: bool = False
    # Runs to its end though the client has gone: what it changes is either done or not begun.
    finishes: bool = False
    # Statuses of its own verbs, beside those that follow from what else stands here (``server.statuses``).
    refuses: tuple[int, ...] = ()
    # The handler reads and decodes the body itself (a signature covers the bytes as sent).
    is_raw: bool = False
    # The body may be left out: what is meant is ``request`` with its defaults.
    is_body_optional: bool = False
    # A foreign protocol: the content types of its body, its status when all went well, and its words for errors
    # (None: a problem document). Its senders may authenticate as they are used to.
    consumes: tuple[str, ...] = ()
    # Beside JSON, where there is a ``request``.
    other_consumes: tuple[str, ...] = ()
    success: int = 200
    form: ErrorForm | None = None
    # A file, of which ``Range`` may ask for a part.
    is_file: bool = False
    # What it offers to senders that repeat the head of their requests.
    hot: HotRoute | None = None
    # A WebSocket, which may authenticate by a ticket in its first frame where it takes one.
    is_live: bool = False
    takes_ticket: bool = True

    @property
    def is_public(self) -> bool:
        """Whether it answers without credentials."""
        return self.permission is None
