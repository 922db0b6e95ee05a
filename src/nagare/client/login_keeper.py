"""Keeps a login fresh while a client uses it: renewed before it ends, and once more when the server says 401."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nagare.client.logins import Login, Logins, with_tokens
from nagare.client.problems import problem_of
from nagare.errors import UnauthenticatedError
from nagare.lib.clock import Clock
from nagare.net.answer import Answer
from nagare.wire.auth import RefreshRequest, TokenReply
from nagare.wire.codec import decode, encode

REFRESH_PATH = "/api/v1/auth/refresh"
# A token is renewed when this much of its life is over, so that no request meets its end on the way.
_RENEW_RATIO = 0.8

Post = Callable[[str, bytes], Awaitable[Answer]]


class LoginKeeper:
    """The login of one client."""

    def __init__(self, logins: Logins, login: Login) -> None:
        """Keep ``login``; its tokens are replaced as it is renewed."""
        self._logins = logins
        self._login = login

    @property
    def access(self) -> str:
        """The access token to show now."""
        return self._login.access

    def is_due(self, clock: Clock) -> bool:
        """Tell whether it is time to renew."""
        return clock.now_ms() >= self._login.renew_ms

    async def renew(self, post: Post, clock: Clock) -> None:
        """Take up what another program renewed meanwhile, or renew. Raises UnauthenticatedError when the session has ended."""
        shown = self._login.access
        async with self._logins.locked(self._login.url):
            kept = self._logins.find(self._login.url)
            if kept is None:
                raise _ended(self._login.url, "logged out meanwhile")
            self._login = kept
            if kept.access != shown and not self.is_due(clock):
                return
            answer = await post(REFRESH_PATH, encode(RefreshRequest(kept.refresh)))
            if answer.status == 401:
                raise _ended(kept.url, "its session has ended")
            if not 200 <= answer.status < 300:
                raise problem_of(answer, f"POST {REFRESH_PATH}", clock)
            self._login = with_tokens(kept, tokens_of(decode(answer.body, TokenReply), clock))
            self._logins.save(self._login)


def tokens_of(reply: TokenReply, clock: Clock) -> dict[str, str | int]:
    """Return what of ``reply`` a login keeps."""
    return {
        "access": reply.access_token,
        "renew_ms": clock.now_ms() + round(reply.expires_seconds * _RENEW_RATIO * 1000),
        "refresh": reply.refresh_token,
    }


def _ended(url: str, cause: str) -> UnauthenticatedError:
    return UnauthenticatedError(f"cannot go on as the user who logged in to {url}: {cause}", hint=f"nagare login {url}")
