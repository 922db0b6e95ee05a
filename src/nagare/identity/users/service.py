"""Users and roles: who changes them may never give, or act on, more than it has itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from nagare.errors import InputError, NotFoundError, PermissionDeniedError
from nagare.identity.api_keys.store import ApiKeyStore
from nagare.identity.known import KnownCallers
from nagare.identity.passwords.hashing import Passwords, check_password
from nagare.identity.sessions.session import EndedBy
from nagare.identity.sessions.store import SessionStore
from nagare.identity.users.roles import BUILT_IN, OWN_ACCOUNT, Grant, Role
from nagare.identity.users.store import UserStore
from nagare.identity.users.user import Account, User, check_user_name
from nagare.lib.clock import Clock
from nagare.model.principal import Principal, Rights, rights_of


class Users:
    """The users of this installation. ``actor`` is who asks for a change."""

    def __init__(
        self,
        store: UserStore,
        sessions: SessionStore,
        api_keys: ApiKeyStore,
        passwords: Passwords,
        known: KnownCallers,
        clock: Clock,
    ) -> None:
        """Keep users in ``store``; what they hold in the others."""
        self._store = store
        self._sessions = sessions
        self._api_keys = api_keys
        self._passwords = passwords
        self._known = known
        self._clock = clock

    async def accounts(self) -> list[Account]:
        """Return every user with what it may, by name."""
        return await self._store.accounts()

    async def find(self, name: str) -> Account | None:
        """Return the user of that name, however it is written."""
        return await self._store.find(name.strip().lower()[:100])

    async def get(self, name: str) -> Account:
        """Return the user of that name. Raises NotFoundError."""
        account = await self.find(name)
        if account is None:
            raise NotFoundError(f"cannot find user {name[:80]!r}: there is none of that name")
        return account

    async def get_id(self, user_id: str) -> Account:
        """Return the user of that id. Raises NotFoundError."""
        account = await self._store.find_id(user_id)
        if account is None:
            raise NotFoundError("cannot find user: there is none of that id")
        return account

    async def add(self, actor: Principal, name: str, password: str | None, grants: Iterable[Grant]) -> Account:
        """Add a user; without a password it logs in some other way. Raises ConflictError, InputError, PermissionDeniedError."""
        name, given = check_user_name(name), list(grants)
        for grant in given:
            await self._check_gives(actor, grant)
        hashed = None if password is None else await self._passwords.hash(check_password(password, name))
        now_ms = self._clock.now_ms()
        user = User(uuid.uuid4().hex, name, now_ms, hashed, None if hashed is None else now_ms)
        await self._store.add(user, given)
        return await self.get(name)

    async def rename(self, actor: Principal, account: Account, name: str) -> Account:
        """Give a user another name; its sessions and keys go on. Raises ConflictError, InputError, PermissionDeniedError."""
        self._check_over(actor, account, "rename")
        name = check_user_name(name)
        await self._store.change(account.user.id, name=name)
        await self._changed([account.user.id])
        return await self.get(name)

    async def disable(self, actor: Principal, account: Account) -> Account:
        """Let a user in no more; its sessions end, its keys rest. Raises PermissionDeniedError."""
        self._check_over(actor, account, "disable")
        await self._store.change(account.user.id, disabled_ms=account.user.disabled_ms or self._clock.now_ms())
        await self._changed([account.user.id])
        await self._end_sessions(account.user.id)
        return await self.get(account.user.name)

    async def enable(self, actor: Principal, account: Account) -> Account:
        """Let a user in again. Raises PermissionDeniedError."""
        self._check_over(actor, account, "enable")
        await self._store.change(account.user.id, disabled_ms=None)
        return await self.get(account.user.name)

    async def remove(self, actor: Principal, account: Account) -> None:
        """Forget a user, and end its sessions and keys. Raises PermissionDeniedError."""
        self._check_over(actor, account, "remove")
        user_id = account.user.id
        # No new session can begin before the old ones end.
        await self._store.change(user_id, disabled_ms=self._clock.now_ms())
        await self._end_sessions(user_id)
        self._known.forget(await self._api_keys.remove_of_user(user_id))
        await self._store.remove(user_id)

    async def set_password(self, actor: Principal, account: Account, password: str, current: str | None) -> None:
        """Set a password and end the user's sessions but the one that asks.

        One's own needs the ``current`` one, another's needs as many rights as it has. Raises PermissionDeniedError, InputError.
        """
        if actor.user_id == account.user.id:
            if not await self._passwords.compare(current or "", account.user.password):
                raise PermissionDeniedError("cannot set password: the current one is wrong")
        else:
            self._check_over(actor, account, "set the password of")
        hashed = await self._passwords.hash(check_password(password, account.user.name))
        await self._store.change(account.user.id, password=hashed, password_ms=self._clock.now_ms())
        await self._end_sessions(account.user.id, keep=actor.session_id)

    async def grant(self, actor: Principal, account: Account, grant: Grant) -> Account:
        """Give a role, or the same one for other groups. Raises NotFoundError, PermissionDeniedError."""
        self._check_over(actor, account, "change")
        await self._check_gives(actor, grant)
        await self._store.grant(account.user.id, grant)
        await self._changed([account.user.id])
        return await self.get(account.user.name)

    async def take(self, actor: Principal, account: Account, role: str) -> Account:
        """Take a role away. Raises NotFoundError, PermissionDeniedError."""
        self._check_over(actor, account, "change")
        if not await self._store.take(account.user.id, role):
            raise NotFoundError(f"cannot take role {role[:80]!r} from {account.user.name}: it does not have it")
        await self._changed([account.user.id])
        return await self.get(account.user.name)

    async def replace_grants(self, account: Account, given: Iterable[Grant]) -> Account:
        """Let a user have the roles that its provider gives it, and no others; what changes holds at once."""
        wanted = tuple(given)
        if wanted == account.grants:
            return account
        await self._store.replace_grants(account.user.id, wanted)
        await self._changed([account.user.id])
        return await self.get_id(account.user.id)

    async def note_login(self, account: Account) -> None:
        """Keep that a user logged in just now."""
        await self._store.change(account.user.id, last_login_ms=self._clock.now_ms())

    async def roles(self) -> list[Role]:
        """Return every role: the built-in ones, then one's own."""
        return [*BUILT_IN.values(), *(await self._store.roles()).values()]

    async def save_role(self, actor: Principal, role: Role) -> None:
        """Make a role or change it, for all who have it. Raises PermissionDeniedError."""
        before = (await self._store.roles()).get(role.name)
        for permissions in (role.permissions, frozenset() if before is None else before.permissions):
            _check_covers(actor, Rights(permissions, {}), f"make role {role.name}")
        await self._store.save_role(role)
        await self._changed(await self._store.holders(role.name))

    async def remove_role(self, actor: Principal, name: str) -> Role:
        """Forget a role that nobody has. Raises NotFoundError, ConflictError, PermissionDeniedError."""
        role = (await self._store.roles()).get(name)
        if name in BUILT_IN:
            raise InputError(f"cannot remove role {name}: it is built in")
        if role is None:
            raise NotFoundError(f"cannot remove role {name[:80]!r}: there is none of that name")
        _check_covers(actor, Rights(role.permissions, {}), f"remove role {name}")
        await self._store.remove_role(name)
        return role

    def check_over(self, actor: Principal, account: Account, verb: str) -> None:
        """Raise PermissionDeniedError unless ``actor`` may all that ``account`` may."""
        self._check_over(actor, account, verb)

    def _check_over(self, actor: Principal, account: Account, verb: str) -> None:
        if actor.user_id != account.user.id or verb == "enable":
            _check_covers(actor, account.rights, f"{verb} {account.user.name}")

    async def _check_gives(self, actor: Principal, grant: Grant) -> None:
        roles = {**await self._store.roles(), **BUILT_IN}
        if grant.role not in roles:
            raise NotFoundError(f"cannot grant role {grant.role[:80]!r}: there is none of that name")
        given = Account(User("", "", 0), (grant,), roles)
        _check_covers(actor, given.rights, f"grant {grant.role}")

    async def _changed(self, user_ids: list[str]) -> None:
        # Live connections end too and come again with what they may now.
        self._known.forget([*await self._sessions.live_ids(user_ids), *await self._api_keys.ids(user_ids)])

    async def _end_sessions(self, user_id: str, keep: str = "") -> None:
        now_ms = self._clock.now_ms()
        self._known.forget(await self._sessions.end_of_user(user_id, EndedBy.REVOKED, now_ms, keep))


def _check_covers(actor: Principal, rights: Rights, doing: str) -> None:
    own = rights_of(actor)
    if not Rights(own.permissions | OWN_ACCOUNT, own.scopes).covers(rights):
        raise PermissionDeniedError(f"cannot {doing}: that takes permissions that you do not have yourself")
