"""Who a bearer token belongs to: issuing, checking and revoking tokens.

A secret is told once, when it is made; only its digest is kept. Revoking works at once: the cache forgets the token
and ``on_revoke`` lets live connections end.
"""

from __future__ import annotations

import hmac
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.errors import NagareError, UnauthenticatedError
from nagare.identity.store import TokenStore
from nagare.identity.tickets import Tickets
from nagare.identity.tokens import PREFIX, Token, TokenKind, digest_of, make_secret
from nagare.lib.atomic_file import write_atomic
from nagare.lib.clock import Clock
from nagare.model.principal import ADMIN_PERMISSIONS, HOST_PERMISSIONS, Permission, Principal
from nagare.records.engine import Records
from nagare.records.faults import translated

log = logging.getLogger(__name__)

LOCAL_ADMIN = "local"
_CACHE_LIMIT = 4096
_SECRET_LIMIT = 512
# The use of a token is kept to the minute: a write for each request would cost more than the request.
_USED_COARSE_MS = 60_000
_FLUSH_SECONDS = 60.0


class Identity:
    """The tokens of this installation. ``run`` keeps when they were used, until cancelled."""

    def __init__(self, records: Records, clock: Clock) -> None:
        """Keep the open records and the clock."""
        self._store = TokenStore(records)
        self._clock = clock
        self._cache: OrderedDict[str, Token] = OrderedDict()
        self._used_ms: dict[str, int] = {}
        self._unsaved: set[str] = set()
        self._revocations = 0
        self.tickets = Tickets(clock)
        self.on_revoke: Callable[[set[str]], None] = lambda _ids: None

    async def __aenter__(self) -> Self:
        """Enter; tokens are read when they are asked for."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save when tokens were used, if the disk takes it."""
        await self._flush_if_possible()

    async def authenticate(self, secret: str) -> Principal:
        """Return whom ``secret`` belongs to. Raises UnauthenticatedError, the same for every cause."""
        token = await self._find(secret) if secret.startswith(PREFIX) and len(secret) <= _SECRET_LIMIT else None
        if token is None or token.revoked_ms is not None:
            raise UnauthenticatedError(
                "cannot accept token: unknown or revoked", hint="the local token is in run/token of the data directory"
            )
        self._note_use(token.id)
        return token.principal

    async def issue_host_token(self, host_id: str, name: str) -> str:
        """Return a new token for that host; its earlier ones are revoked in the same step."""
        return await self._issue(TokenKind.HOST, name, HOST_PERMISSIONS, host_id)

    async def revoke_host_tokens(self, host_id: str) -> None:
        """Revoke every token of that host, at once."""
        self._forget(await self._store.revoke_host(host_id, self._clock.now_ms()))

    async def ensure_local_token(self, file: Path) -> None:
        """See that ``file`` (0600) holds a live admin token; make a new one when it is missing or does not match."""
        if await self._is_live_admin(_read_secret(file)):
            return
        secret = await self._issue(TokenKind.ADMIN, LOCAL_ADMIN, ADMIN_PERMISSIONS, None)
        with translated(f"write {file}"):
            write_atomic(file, secret.encode() + b"\n", mode=0o600)
        log.info("local_token_made file=%s", file)

    async def run(self) -> None:
        """Keep the time of last use durable, coarsely, until cancelled."""
        while True:
            await self._clock.sleep(_FLUSH_SECONDS)
            await self._flush_if_possible()

    async def flush(self) -> None:
        """Save what ``run`` would save next."""
        unsaved, self._unsaved = self._unsaved, set()
        if not unsaved:
            return
        try:
            await self._store.save_last_used({id_: self._used_ms[id_] for id_ in unsaved})
        except BaseException:
            self._unsaved |= unsaved
            raise

    async def _flush_if_possible(self) -> None:
        # A full disk must neither end the task over and over nor make a clean stop an unclean one.
        try:
            await self.flush()
        except NagareError as error:
            log.warning("token_use_not_saved: %s", error.message)

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
        self._forget(await self._store.replace(token, now_ms))
        return secret

    async def _find(self, secret: str) -> Token | None:
        digest = digest_of(secret)
        token = self._cache.get(digest)
        if token is None:
            revocations = self._revocations
            token = await self._store.find(digest)
            # What was read before a revocation must not enter the cache after it.
            if token is not None and token.revoked_ms is None and revocations == self._revocations:
                self._remember(token)
        if token is None or not hmac.compare_digest(token.digest, digest):
            return None
        return token

    def _remember(self, token: Token) -> None:
        self._cache[token.digest] = token
        if len(self._cache) > _CACHE_LIMIT:
            self._cache.popitem(last=False)

    def _forget(self, token_ids: list[str]) -> None:
        if not token_ids:
            return
        revoked = set(token_ids)
        self._revocations += 1
        self._cache = OrderedDict((digest, token) for digest, token in self._cache.items() if token.id not in revoked)
        self.tickets.void(revoked)
        self.on_revoke(revoked)

    def _note_use(self, token_id: str) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._used_ms.get(token_id, 0) >= _USED_COARSE_MS:
            self._used_ms[token_id] = now_ms
            self._unsaved.add(token_id)


def _read_secret(file: Path) -> str:
    """Return what ``file`` holds, empty when it does not read; others lose the right to read it. Start-up only."""
    try:
        file.chmod(0o600)
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
