"""Logging in by password: slowed down for who guesses, and as slow for a name that nobody has."""

from __future__ import annotations

from nagare.errors import UnauthenticatedError
from nagare.identity.passwords.hashing import Passwords
from nagare.identity.passwords.throttle import Throttle
from nagare.identity.sessions.service import Sessions
from nagare.identity.sessions.session import Opened
from nagare.identity.users.store import UserStore
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters

_NAME_LIMIT, _PASSWORD_LIMIT = 100, 1024


class PasswordLogin:
    """Opens sessions for passwords."""

    def __init__(
        self,
        store: UserStore,
        sessions: Sessions,
        passwords: Passwords,
        throttle: Throttle,
        clock: Clock,
        counters: Counters,
    ) -> None:
        """Look for users in ``store``."""
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self.counters = counters

    async def login(self, name: str, password: str, *, address: str, agent: str = "") -> Opened:
        """Return a new session's tokens.

        Raises UnauthenticatedError, the same for every cause and after the same time, and RateLimitedError after too many.
        """
        name = name.strip().lower()[:_NAME_LIMIT]
        self._throttle.attempt(name, address)
        account = await self._store.find(name)
        kept = None if account is None or account.user.disabled_ms is not None else account.user.password
        is_right = await self._passwords.compare(password[:_PASSWORD_LIMIT], kept)
        if account is None or kept is None or not is_right:
            self.counters.add("logins_failed")
            raise UnauthenticatedError("cannot log in: wrong user or password, or the user is disabled")
        self._throttle.succeed(name, address)
        opened = await self._sessions.open(account, address=address, agent=agent)
        changed: dict[str, str | int | None] = {"last_login_ms": self._clock.now_ms()}
        if self._passwords.is_outdated(kept):
            changed["password"] = await self._passwords.hash(password)
        await self._store.change(account.user.id, **changed)
        self.counters.add("logins")
        return opened
