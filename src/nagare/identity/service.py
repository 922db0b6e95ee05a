"""Who a request comes from: tokens of this machine and of hosts, access tokens of sessions, personal keys.

A secret is told once, when it is made; only its digest is kept. Revoking works at once: what was recognised before is
forgotten, and ``known.on_revoke`` lets live connections end.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.config.settings import IdentitySettings
from nagare.errors import NagareError, UnauthenticatedError
from nagare.identity.api_keys.service import KEY_PREFIX, ApiKeys
from nagare.identity.api_keys.store import ApiKeyStore
from nagare.identity.host_tokens import HostTokens
from nagare.identity.join_tokens.service import JOIN_PREFIX, JoinTokens
from nagare.identity.join_tokens.store import JoinTokenStore
from nagare.identity.known import KnownCallers
from nagare.identity.login import PasswordLogin
from nagare.identity.passes import PASS_PREFIX, Passes
from nagare.identity.passwords.hashing import Passwords
from nagare.identity.passwords.throttle import Throttle
from nagare.identity.sessions.service import Recorder, Sessions
from nagare.identity.sessions.store import SessionStore
from nagare.identity.store import TokenStore
from nagare.identity.tickets import Tickets
from nagare.identity.tokens import PREFIX, Token, TokenKind, digest_of, make_secret
from nagare.identity.users.service import Users
from nagare.identity.users.store import UserStore
from nagare.keys.access_tokens import AccessTokens
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.principal import ADMIN_PERMISSIONS, HOST_PERMISSIONS, Permission, Principal
from nagare.records.engine import Records
from nagare.records.faults import translated

log = logging.getLogger(__name__)

LOCAL_ADMIN = "local"
_SECRET_LIMIT = 512
_ACCESS_LIMIT = 4096
_FLUSH_SECONDS = 60.0


class Identity:
    """The callers of this installation. ``run`` keeps when secrets were used and ends what has expired, until cancelled."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        keys_folder: Path,
        settings: IdentitySettings | None = None,
        audit: Recorder | None = None,
    ) -> None:
        """Keep the open records, the clock and the folder of the keys that sign access tokens."""
        settings, self._passwords = settings or IdentitySettings(), Passwords()
        self._store, self._clock = TokenStore(records), clock
        self.counters = Counters()
        self.tickets = Tickets(clock, self.counters)
        self.known = KnownCallers(self.tickets)
        self.access_tokens = AccessTokens(keys_folder, clock, settings.access_seconds)
        self.throttle = Throttle(clock, self.counters)
        self.host_tokens = HostTokens(records, self.known, settings, clock)
        users, sessions, api_keys = UserStore(records), SessionStore(records), ApiKeyStore(records)
        self.users = Users(users, sessions, api_keys, self._passwords, self.known, clock)
        self.sessions = Sessions(sessions, self.known, self.access_tokens, settings, audit, clock)
        self.passes = Passes(self.sessions, self.known, clock)
        self.api_keys = ApiKeys(api_keys, self.known, clock)
        self.join_tokens = JoinTokens(JoinTokenStore(records), self.known, clock)
        self.by_password = PasswordLogin(users, self.sessions, self._passwords, self.throttle, clock, self.counters)

    async def __aenter__(self) -> Self:
        """Enter; everything is read when it is asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save when secrets were used, if the disk takes it."""
        self._passwords.close()
        await self._flush_if_possible()

    @property
    def generation(self) -> int:
        """A number that changes with every revocation and every change of rights; what was decided before is void."""
        return self.known.generation

    def note_use(self, principal: Principal) -> None:
        """Note that a token was used by who needed not to ask for it again."""
        self.known.note_use(principal.id, self._clock.now_ms())

    async def authenticate(self, secret: str) -> Principal:
        """Return whom ``secret`` belongs to. Raises UnauthenticatedError."""
        if len(secret) > _ACCESS_LIMIT:
            raise _unknown()
        digest, now_ms = digest_of(secret), self._clock.now_ms()
        principal = self.known.find(digest, now_ms)
        if principal is None:
            generation = self.generation
            principal, until_ms = await self._look_up(secret, digest)
            self.known.remember(digest, principal, until_ms, generation)
        if not principal.session_id:
            self.known.note_use(principal.id, now_ms)
        return principal

    async def issue_host_token(self, host_id: str, name: str, *, is_active: bool = True) -> str:
        """Return a new token for that host, which allows nothing before it is active; earlier ones are revoked at once."""
        return await self._issue(TokenKind.HOST, name, HOST_PERMISSIONS if is_active else frozenset(), host_id)

    async def activate_host_tokens(self, host_id: str) -> None:
        """Let the live tokens of that host allow what a host may."""
        self.known.forget(await self._store.allow_host(host_id, HOST_PERMISSIONS))

    async def revoke_host_tokens(self, host_id: str) -> None:
        """Revoke every token of that host, at once."""
        self.known.forget(await self._store.revoke_host(host_id, self._clock.now_ms()))

    async def ensure_local_token(self, file: Path) -> None:
        """See that ``file`` (0600) holds a live admin token; make a new one when it is missing or does not match."""
        if await self._is_live_admin(_read_secret(file)):
            return
        secret = await self._issue(TokenKind.ADMIN, LOCAL_ADMIN, ADMIN_PERMISSIONS, None)
        with translated(f"write {file}"):
            await asyncio.to_thread(write_atomic, file, secret.encode() + b"\n", mode=0o600)
        log.info("local_token_made file=%s", file)

    async def run(self) -> None:
        """Keep the time of last use durable, coarsely, and end what has expired, until cancelled."""
        while True:
            await self._clock.sleep(_FLUSH_SECONDS)
            await self._flush_if_possible()
            try:
                await self.sessions.tidy()
                await self.access_tokens.drop_ended()
            except NagareError as error:
                log.warning("sessions_not_tidied: %s", error.message)

    async def flush(self) -> None:
        """Save what ``run`` would save next."""
        unsaved = self.known.take_unsaved()
        if not unsaved:
            return
        try:
            await self._store.save_last_used(unsaved)
            await self.api_keys.save_last_used(unsaved)
        except BaseException:
            self.known.put_back(unsaved)
            raise

    async def _flush_if_possible(self) -> None:
        # A full disk must neither end the task over and over nor make a clean stop an unclean one.
        try:
            await self.flush()
        except NagareError as error:
            log.warning("token_use_not_saved: %s", error.message)

    async def _look_up(self, secret: str, digest: str) -> tuple[Principal, int | None]:
        if secret.startswith(KEY_PREFIX):
            return await self.api_keys.principal(secret)
        if secret.startswith(JOIN_PREFIX):
            return await self.join_tokens.principal(secret)
        if secret.startswith(PASS_PREFIX):
            return await self.passes.principal(secret)
        if secret.count(".") == 2:
            return await self.sessions.principal(secret)
        token = None
        if secret.startswith(PREFIX) and len(secret) <= _SECRET_LIMIT:
            token = await self._store.find(digest)
        if token is not None and token.replaces is not None:
            token = await self.host_tokens.confirm(token)
        if token is None or token.revoked_ms is not None or not hmac.compare_digest(token.digest, digest):
            raise _unknown()
        return token.principal, None

    async def _is_live_admin(self, secret: str) -> bool:
        try:
            principal = await self.authenticate(secret)
        except UnauthenticatedError:
            return False
        return principal.host is None and principal.permissions >= ADMIN_PERMISSIONS

    async def _issue(self, kind: TokenKind, name: str, permissions: frozenset[Permission], host_id: str | None) -> str:
        secret = make_secret()
        now_ms = self._clock.now_ms()
        token = Token(uuid.uuid4().hex, digest_of(secret), kind, name, permissions, host_id, now_ms)
        self.known.forget(await self._store.replace(token, now_ms))
        return secret


def _unknown() -> UnauthenticatedError:
    return UnauthenticatedError(
        "cannot accept token: unknown or revoked", hint="the local token is in run/token of the data directory"
    )


def _read_secret(file: Path) -> str:
    """Return what ``file`` holds, empty when it does not read; others lose the right to read it. Start-up only."""
    try:
        file.chmod(0o600)
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
