"""The audit log: reading it, taking it elsewhere, and its signed head."""

from __future__ import annotations

from aiohttp import hdrs, web

from nagare.audit.chain import Entry, SignedHead
from nagare.audit.wanted import Wanted
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.wire.audit import AuditHead, AuditLine, AuditList, AuditView
from nagare.wire.codec import decode, encode

_LIMIT, _LIMIT_MOST = 100, 10_000
_TEXTS = ("actor", "action", "outcome", "target")
_PIECE_LINES = 200
_NDJSON = "application/x-ndjson"


async def list_entries(call: Call) -> AuditList:
    """Return entries, newest first."""
    query, verb = call.query, "list audit entries"
    wanted = Wanted(
        limit=whole_number(query, "limit", verb, 1, _LIMIT_MOST) or _LIMIT,
        since_ms=whole_number(query, "since_ms", verb, 0),
        until_ms=whole_number(query, "until_ms", verb, 0),
        before_seq=whole_number(query, "before_seq", verb, 0),
        **{name: call.query.get(name) for name in _TEXTS},
    )
    return AuditList([view_of(entry) for entry in await call.services.audit.find(wanted)])


async def sign_head(call: Call) -> AuditHead:
    """Sign the newest entry and return the head, to be kept elsewhere."""
    return _head(await call.services.audit.sign_head())


async def export(call: Call) -> web.StreamResponse:
    """Send the chain and, behind its end, its signed heads, a line of JSON each."""
    verb = "export audit entries"
    after, limit = whole_number(call.query, "after_seq", verb, 0) or 0, whole_number(call.query, "limit", verb, 0)
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _NDJSON})
    await response.prepare(call.request)
    lines: list[bytes] = []
    count = 0
    async for entry in call.services.audit.export(after, limit):
        count += 1
        lines.append(encode(AuditLine(entry.seq, entry.digest, entry.line)))
        if len(lines) >= _PIECE_LINES:
            await response.write(_joined(lines))
            lines.clear()
    if limit is None or count < limit:
        lines += [encode(AuditLine(head=_head(head))) for head in await call.services.audit.heads()]
    await response.write(_joined(lines))
    await response.write_eof()
    return response


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def view_of(entry: Entry) -> AuditView:
    """Return an entry as people read it."""
    view = decode(entry.line.encode(), AuditView)
    return AuditView(
        **{name: getattr(view, name) for name in view.__struct_fields__ if name != "digest"}, digest=entry.digest
    )


def _head(head: SignedHead) -> AuditHead:
    return AuditHead(head.seq, head.digest, head.at_ms, head.public_key, head.signature)


ROUTES = (
    Route(
        "GET",
        "/api/v1/audit",
        list_entries,
        "Audit entries, newest first",
        Permission.AUDIT_READ,
        reply=AuditList,
        params=(
            Param("since_ms", "integer", "from this time on, Unix milliseconds"),
            Param("until_ms", "integer", "before this time, Unix milliseconds"),
            Param("actor", "string", "only by this actor"),
            Param("action", "string", "only this action"),
            Param("outcome", "string", "only done, refused, failed or unknown"),
            Param("target", "string", "only on this target"),
            Param("before_seq", "integer", "only older than the entry of this number"),
            Param("limit", "integer", f"at most this many ({_LIMIT})"),
        ),
    ),
    Route(
        "GET",
        "/api/v1/audit/head",
        sign_head,
        "The end of the audit log, signed",
        Permission.AUDIT_READ,
        reply=AuditHead,
        # It is kept.
        refuses=(507,),
    ),
    Route(
        "GET",
        "/api/v1/audit/export",
        export,
        "The whole audit log, a line of JSON each",
        Permission.AUDIT_READ,
        reply=AuditLine,
        media=_NDJSON,
        params=(
            Param("after_seq", "integer", "begin behind the entry of this number"),
            Param("limit", "integer", "at most this many entries"),
        ),
    ),
)
