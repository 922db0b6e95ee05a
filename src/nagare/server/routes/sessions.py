"""Sessions: seeing who is logged in, and ending that."""

from __future__ import annotations

from nagare.errors import NotFoundError, PermissionDeniedError
from nagare.identity.sessions.session import EndedBy, Session
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.route import Call, Param, Route
from nagare.wire.auth import Ended, SessionList, SessionView


async def list_sessions(call: Call) -> SessionList:
    """Return one's own live sessions, a user's, or all."""
    found = await call.services.identity.sessions.live(await owner_wanted(call))
    return SessionList([_view(session, user, call.principal.session_id) for session, user in found])


async def end_session(call: Call) -> None:
    """End a session at once."""
    sessions, session_id = call.services.identity.sessions, call.path("id")
    found = next((pair for pair in await sessions.live(None) if pair[0].id == session_id), None)
    principal = call.principal
    if found is None or not (found[0].user_id == principal.user_id or principal.may(Permission.SESSIONS_WRITE)):
        # Whether somebody else's exists is not told.
        raise NotFoundError(f"cannot end session {session_id[:40]}: you have none of that id")
    session, user = found
    call.note.tell(session_id, before={"user": user, "address": session.address})
    users = call.services.identity.users
    users.check_over(principal, await users.get_id(session.user_id), "end a session of")
    await sessions.end(session_id, EndedBy.LOGOUT if session.user_id == principal.user_id else EndedBy.REVOKED)


async def end_sessions(call: Call) -> Ended:
    """End all sessions of a user."""
    users = call.services.identity.users
    account = await users.get(call.path("name"))
    call.note.tell(account.user.name)
    users.check_over(call.principal, account, "end the sessions of")
    ended = await call.services.identity.sessions.end_of_user(account.user.id)
    call.note.tell(after={"ended": ended})
    return Ended(ended)


async def owner_wanted(call: Call) -> str | None:
    """Return whose things are asked for by ``user``: the caller's own, a user's, or everybody's (None) for ``*``.

    Raises PermissionDeniedError for others' without the permission to see them.
    """
    wanted = call.query.get("user", "")
    if not wanted:
        return call.principal.user_id
    if not call.principal.may(Permission.SESSIONS_READ):
        raise PermissionDeniedError(f"cannot see what others have: you lack {Permission.SESSIONS_READ.value}")
    return None if wanted == "*" else (await call.services.identity.users.get(wanted)).user.id


def _view(session: Session, user: str, own_id: str) -> SessionView:
    return SessionView(
        id=session.id,
        user=user,
        created_at=format_ms(session.created_ms),
        used_at=format_ms(session.used_ms),
        expires_at=format_ms(session.expires_ms),
        address=session.address,
        agent=session.agent,
        origin=session.origin,
        is_own=session.id == own_id,
    )


USER_PARAM = Param("user", "string", "of this user, or of all for *; one's own without it")
ROUTES = (
    Route(
        "GET", "/api/v1/sessions", list_sessions, "Live sessions", Permission.ACCOUNT_READ,
        reply=SessionList, params=(USER_PARAM,), refuses=(404,),
    ),
    Route(
        "DELETE", "/api/v1/sessions/{id}", end_session, "End a session", Permission.ACCOUNT_WRITE,
        action="sessions.end",
    ),
    Route(
        "DELETE", "/api/v1/users/{name}/sessions", end_sessions, "End a user's sessions", Permission.SESSIONS_WRITE,
        reply=Ended, action="sessions.end_all",
    ),
)  # fmt: skip
