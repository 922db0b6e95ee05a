"""Logging in by an OpenID provider: begun here, done there, and finished here with a session of our own.

A browser brings back a code and the state that it began with, and the cookie that it got then; a terminal asks on with a
handle while its user confirms a code elsewhere. In both ways only this server speaks to the provider, so that the client's
secret stays here. Who somebody is are the provider's issuer and subject together: a name or an address binds nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from nagare.errors import ConflictError, PermissionDeniedError, UnauthenticatedError
from nagare.identity.oidc.begun import BegunLogins
from nagare.identity.oidc.claims import Claims, check_admitted, grants_of, name_of
from nagare.identity.oidc.pace import AddressPace
from nagare.identity.oidc.provider import Provider, RefusedError
from nagare.identity.oidc.store import ForeignIdentityStore
from nagare.identity.sessions.service import Sessions
from nagare.identity.sessions.session import Opened
from nagare.identity.users.foreign import ForeignIdentity
from nagare.identity.users.roles import BUILT_IN, Grant
from nagare.identity.users.service import Users
from nagare.identity.users.user import Account, User
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain

log = logging.getLogger(__name__)

ORIGIN = "oidc"
_CODE_LIMIT = 4096
# RFC 8628, 3.5: by so much the pauses grow when the provider, or we, say slow_down.
_SLOWER_SECONDS = 5.0
_EARLY_SECONDS = 0.25
_INTERVAL_SECONDS = (1.0, 60.0)
_DEVICE_SECONDS = (1.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Begun:
    """A browser's login that waits for the provider. ``browser`` is the digest of the cookie that it got."""

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    browser: str
    redirect_uri: str
    return_to: str


@dataclass(slots=True)
class Waiting:
    """A terminal's login that waits for its user; ``next_at`` is when the provider may be asked again."""

    device_code: str = field(repr=False)
    interval_seconds: float
    next_at: float
    # Whether the last answer was to ask less often.
    is_slower: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Where a browser goes, and the secret that it keeps in a cookie meanwhile."""

    address: str
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Device:
    """What a person does, and with what the terminal asks on; foreign texts are made harmless."""

    handle: str = field(repr=False)
    user_code: str
    address: str
    whole_address: str
    expires_seconds: float
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """A session, where its browser goes next, and what the audit log keeps of the login."""

    opened: Opened
    identity: ForeignIdentity
    return_to: str = "/"
    is_new: bool = False


class OidcLogin:
    """Opens sessions for whom the provider vouches."""

    def __init__(
        self, provider: Provider, store: ForeignIdentityStore, users: Users, sessions: Sessions, clock: Clock
    ) -> None:
        """Ask ``provider``; tables of what has begun stand in memory, so a restart lets people begin again."""
        self.provider = provider
        self.store = store
        self._settings = provider.settings
        self._users = users
        self._sessions = sessions
        self._clock = clock
        self.counters: Counters = sessions.counters
        self._begun: BegunLogins[Begun] = BegunLogins(clock, self.counters)
        self._waiting: BegunLogins[Waiting] = BegunLogins(clock, self.counters)
        self._pace = AddressPace(clock, self.counters)

    @property
    def name(self) -> str:
        """What a button says."""
        return self._settings.name or urlsplit(self._settings.issuer).hostname or ""

    async def begin(self, redirect_uri: str, return_to: str, *, address: str) -> Start:
        """Begin a browser's login. Raises NotFoundError, UnavailableError, RateLimitedError."""
        self._pace.step(address)
        discovery = await self.provider.discovery()
        browser, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        begun = Begun(secrets.token_urlsafe(24), verifier, _digest(browser), redirect_uri, lawful_path(return_to))
        state = self._begun.add(begun, address, self._settings.login_seconds)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in discovery.authorization_endpoint else "?"
        return Start(f"{discovery.authorization_endpoint}{separator}{urlencode(asked)}", browser)

    async def finish(self, answer: dict[str, str], browser: str, *, address: str, agent: str = "") -> Finished:
        """Finish it with what the provider sent the browser back with.

        Raises UnauthenticatedError, PermissionDeniedError, ConflictError, UnavailableError, RateLimitedError.
        """
        self._pace.step(address)
        begun = self._begun.take(answer.get("state", ""))
        # The cookie: else somebody could let another's browser in as himself.
        if begun is None or not hmac.compare_digest(begun.browser, _digest(browser)):
            raise self._failed("this login was not begun by this browser, or has ended", "begin again")
        issuer = answer.get("iss", self._settings.issuer)
        if issuer != self._settings.issuer:
            raise self._failed("another provider answers than was asked", "begin again")
        if error := answer.get("error"):
            raise self._failed(f"the provider says {plain(error, 60)}", plain(answer.get("error_description", ""), 200))
        code = answer.get("code", "")
        if not 0 < len(code) <= _CODE_LIMIT:
            raise self._failed("the provider sent no code", "begin again")
        try:
            claims = await self.provider.redeem(code, begun.verifier, begun.redirect_uri, begun.nonce)
        except UnauthenticatedError:
            self.counters.add("logins_failed")
            raise
        return await self._let_in(claims, begun.return_to, address=address, agent=agent)

    async def begin_device(self, *, address: str) -> Device:
        """Begin a terminal's login. Raises NotFoundError, UnavailableError, RateLimitedError."""
        self._pace.step(address)
        code = await self.provider.begin_device()
        interval = min(max(code.interval, _INTERVAL_SECONDS[0]), _INTERVAL_SECONDS[1])
        life = min(max(code.expires_in, _DEVICE_SECONDS[0]), _DEVICE_SECONDS[1])
        waiting = Waiting(code.device_code, interval, self._clock.monotonic() + interval)
        handle = self._waiting.add(waiting, address, life)
        told = (
            plain(code.user_code, 64),
            plain(code.verification_uri, 512),
            plain(code.verification_uri_complete, 512),
        )
        return Device(handle, *told, life, interval)

    async def poll_device(self, handle: str, *, address: str, agent: str = "") -> Finished | Waiting:
        """Finish it if its user has confirmed, else say how long to wait. Raises as ``finish`` does."""
        self._pace.step(address)
        waiting = self._waiting.find(handle)
        if waiting is None:
            raise self._failed("there is no such login, or its time is over", "begin again")
        now = self._clock.monotonic()
        # A little early is a clock that ticks otherwise; the provider is not asked more often than it says.
        if now < waiting.next_at - _EARLY_SECONDS:
            _slow_down(waiting)
            return waiting
        waiting.next_at, waiting.is_slower = now + waiting.interval_seconds, False
        try:
            claims = await self.provider.redeem_device(waiting.device_code)
        except RefusedError as refused:
            return self._still_waiting(waiting, handle, refused)
        except UnauthenticatedError:
            self._waiting.take(handle)
            self.counters.add("logins_failed")
            raise
        if self._waiting.take(handle) is None:
            raise self._failed("this login has ended meanwhile", "begin again")
        return await self._let_in(claims, "/", address=address, agent=agent)

    def _still_waiting(self, waiting: Waiting, handle: str, refused: RefusedError) -> Waiting:
        if refused.code == "slow_down":
            _slow_down(waiting)
            waiting.next_at = self._clock.monotonic() + waiting.interval_seconds
        elif refused.code != "authorization_pending":
            self._waiting.take(handle)
            raise self._failed(f"the provider says {refused.code}", "begin again")
        return waiting

    async def _let_in(self, claims: Claims, return_to: str, *, address: str, agent: str) -> Finished:
        try:
            check_admitted(claims, self._settings)
            account, is_new = await self._account(claims)
            opened = await self._sessions.open(account, address=address, agent=agent, origin=ORIGIN)
        except (PermissionDeniedError, ConflictError, UnauthenticatedError):
            self.counters.add("logins_failed")
            raise
        await self._users.note_login(account)
        self.counters.add("logins")
        return Finished(opened, self._identity(claims), return_to, is_new)

    async def _account(self, claims: Claims) -> tuple[Account, bool]:
        identity, decides = self._identity(claims), self._settings.decides_roles
        account = await self.store.find(identity)
        known = [role.name for role in await self._users.roles()] if decides else list(BUILT_IN)
        given = grants_of(claims, self._settings, known) if decides else []
        if account is None:
            return await self._made(claims, identity, given), True
        if decides:
            # Also when nothing is left: what the provider takes away is gone for sessions that are open too.
            account = await self._users.replace_grants(account, given)
        if account.user.disabled_ms is not None:
            raise PermissionDeniedError(f"cannot log in as {account.user.name}: the user is disabled")
        if decides and not given:
            raise _without_role()
        return account, False

    async def _made(self, claims: Claims, identity: ForeignIdentity, given: list[Grant]) -> Account:
        told = f"subject {plain(identity.subject, 255)!r} of {identity.issuer}"
        if not self._settings.make_users or not self._settings.decides_roles:
            raise PermissionDeniedError(
                f"cannot log in: no user here is {told}",
                hint="an administrator can say who it is: nagare users link NAME SUBJECT",
            )
        if not given:
            raise _without_role()
        name = name_of(claims, self._settings)
        try:
            return await self.store.make(User(uuid.uuid4().hex, name, self._clock.now_ms()), given, identity)
        except ConflictError as error:
            raise ConflictError(
                f"cannot log in as {name}: a user of that name is here who is not {told}",
                hint=f"an administrator can say that it is the same person: nagare users link {name} SUBJECT",
            ) from error

    def _identity(self, claims: Claims) -> ForeignIdentity:
        return ForeignIdentity(self._settings.issuer, str(claims["sub"]))

    def _failed(self, cause: str, hint: str) -> UnauthenticatedError:
        self.counters.add("logins_failed")
        return UnauthenticatedError(f"cannot log in: {cause}", hint=hint)


def lawful_path(path: str) -> str:
    """Return ``path`` if it leads to a page of this server and nowhere else, else the front page."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path and len(path) <= 512
    return path if is_own and path.isascii() and path.isprintable() else "/"


def _slow_down(waiting: Waiting) -> None:
    waiting.is_slower = True
    waiting.interval_seconds = min(waiting.interval_seconds + _SLOWER_SECONDS, _INTERVAL_SECONDS[1])


def _without_role() -> PermissionDeniedError:
    return PermissionDeniedError(
        "cannot log in: the provider gives no role here", hint="oidc.roles says which of its groups have which role"
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
