"""Saying who a user is at the provider: by somebody who may all that the user may, as for its password."""

from __future__ import annotations

from nagare.errors import InputError, NotFoundError
from nagare.identity.oidc.store import ForeignIdentityStore
from nagare.identity.sessions.service import Sessions
from nagare.identity.users.foreign import ForeignIdentity
from nagare.identity.users.service import Users
from nagare.identity.users.user import Account
from nagare.lib.clock import Clock
from nagare.model.principal import Principal

_LIMIT = 255


class Links:
    """Links users of this installation to their identities elsewhere."""

    def __init__(self, store: ForeignIdentityStore, users: Users, sessions: Sessions, clock: Clock) -> None:
        """Keep where they are kept."""
        self._store = store
        self._users = users
        self._sessions = sessions
        self._clock = clock

    async def link(self, actor: Principal, account: Account, identity: ForeignIdentity) -> None:
        """Let a user be that identity. Raises InputError, PermissionDeniedError, ConflictError when another user is."""
        self._users.check_over(actor, account, "link")
        for name, value in (("issuer", identity.issuer), ("subject", identity.subject)):
            if not 0 < len(value) <= _LIMIT or not value.isprintable():
                raise InputError(
                    f"cannot link {account.user.name}: the {name} must have 1 to {_LIMIT} printable characters"
                )
        await self._store.link(account.user.id, identity, self._clock.now_ms())

    async def unlink(self, actor: Principal, account: Account) -> None:
        """Let a user be nobody elsewhere, and end its sessions. Raises NotFoundError, PermissionDeniedError."""
        self._users.check_over(actor, account, "unlink")
        if not await self._store.unlink(account.user.id):
            raise NotFoundError(f"cannot unlink {account.user.name}: it is not linked")
        await self._sessions.end_of_user(account.user.id)
