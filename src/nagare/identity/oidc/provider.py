"""An OpenID provider as this server speaks to it: discovery, keys, and codes that become claims.

Everything that it says is foreign: bounded, checked, and never shown as it came. Its documents are kept for an hour; a
key that is not known makes its keys be fetched again, once in a while and no more often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nagare.config.settings import OidcSettings
from nagare.errors import (
    ConnectFailedError,
    InputError,
    LimitExceededError,
    NagareError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from nagare.identity.oidc.claims import missing_claims
from nagare.identity.oidc.secret import read_secret
from nagare.keys.id_tokens import Expected, ProviderKey, UnknownKeyError, provider_keys, verify_id_token
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.net.answer import Answer
from nagare.net.guarded import GuardedSession
from nagare.net.trust import Trust
from nagare.wire.codec import decode
from nagare.wire.oidc import DeviceCode, Discovery, Jwks, Refusal, Tokens

log = logging.getLogger(__name__)

_DOCUMENT_LIMIT_BYTES = 512 * 1024
_KEPT_SECONDS = 3600.0
# Whoever shows tokens with invented keys makes us fetch no more often than this.
_AGAIN_SECONDS = 30.0
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_HINT = "log in by password, or ask who looks after this server"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept:
    discovery: Discovery
    keys: list[ProviderKey]
    fetched: float
    keys_fetched: float


class RefusedError(Exception):
    """The provider gave nothing, by its word ``code`` (RFC 6749, 5.2; RFC 8628, 3.5). Never leaves this folder."""

    def __init__(self, code: str) -> None:
        """Keep the word."""
        super().__init__(code)
        self.code = code


class Provider:
    """The configured provider; ``async with`` owns the connections, which open at first use."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        """Keep where it is."""
        self.settings = settings
        self._clock = clock
        self._session: GuardedSession | None = None
        self._kept: _Kept | None = None
        # Held while documents are fetched: many logins at one time ask once.
        self._fetching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Prepare the connections. Raises ConfigError for an unusable certificate authority or address."""
        if self.settings.is_set:
            made = GuardedSession(self.settings.issuer, Trust(self.settings.ca_file))
            self._session = await made.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.__aexit__(None, None, None)

    async def discovery(self) -> Discovery:
        """Return what it says about itself. Raises UnavailableError."""
        return (await self._documents()).discovery

    async def redeem(self, code: str, verifier: str, redirect_uri: str, nonce: str) -> dict[str, Any]:
        """Return the claims of the login that ``code`` stands for. Raises UnauthenticatedError, UnavailableError."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        try:
            return await self._claims(await self._tokens(form), nonce)
        except RefusedError as refused:
            raise UnauthenticatedError(
                f"cannot log in: the provider refuses the code ({refused.code})", hint="begin again"
            ) from refused

    async def begin_device(self) -> DeviceCode:
        """Begin the login of a device. Raises NotFoundError when the provider knows none, UnavailableError."""
        address = (await self.discovery()).device_authorization_endpoint
        if not address:
            raise NotFoundError(
                "cannot log in from a terminal: the provider offers no device authorization",
                hint="log in in a browser, or by password",
            )
        try:
            return _read(await self._post(address, {"scope": " ".join(self.settings.scopes)}), DeviceCode)
        except RefusedError as refused:
            raise _misled(f"it refuses to begin a device's login ({refused.code})") from refused

    async def redeem_device(self, device_code: str) -> dict[str, Any]:
        """Return the claims of a device's login. Raises RefusedError while there is none, and as ``redeem`` does."""
        form = {"grant_type": _DEVICE_GRANT, "device_code": device_code}
        return await self._claims(await self._tokens(form), None)

    async def _tokens(self, form: Mapping[str, str]) -> Tokens:
        return _read(await self._post((await self.discovery()).token_endpoint, form), Tokens)

    async def _claims(self, tokens: Tokens, nonce: str | None) -> dict[str, Any]:
        expected = Expected(self.settings.issuer, self.settings.client_id, nonce, tokens.access_token)
        now, kept = self._clock.now_ms() / 1000, await self._documents()
        try:
            claims = verify_id_token(tokens.id_token, kept.keys, expected, now)
        except UnknownKeyError:
            again = await self._keys_again(kept)
            claims = verify_id_token(tokens.id_token, again.keys, expected, now)
        if kept.discovery.userinfo_endpoint and tokens.access_token and missing_claims(claims, self.settings):
            claims = await self._with_userinfo(kept.discovery.userinfo_endpoint, tokens.access_token, claims)
        return claims

    async def _with_userinfo(self, address: str, access_token: str, claims: dict[str, Any]) -> dict[str, Any]:
        answer = await self._ask(self._open().get(address, limit_bytes=_DOCUMENT_LIMIT_BYTES, bearer=access_token))
        if answer.status != 200:
            raise _misled(f"it answers {answer.status} when it is asked about the user")
        told = _read(answer, dict[str, Any])
        # Somebody else's answer must not be taken for this user's (OpenID Connect Core 5.3.2).
        if told.get("sub") != claims["sub"]:
            raise UnauthenticatedError("cannot log in: the provider tells of another user than it let in")
        return {**told, **claims}

    async def _documents(self) -> _Kept:
        async with self._fetching:
            now = self._clock.monotonic()
            if self._kept is None or now - self._kept.fetched > _KEPT_SECONDS:
                discovery = await self._fetch_discovery()
                self._kept = _Kept(discovery, await self._fetch_keys(discovery), now, now)
            return self._kept

    async def _keys_again(self, known: _Kept) -> _Kept:
        async with self._fetching:
            kept = self._kept or known
            # Somebody else fetched them meanwhile, or it is too early again.
            if kept is known and self._clock.monotonic() - kept.keys_fetched >= _AGAIN_SECONDS:
                keys = await self._fetch_keys(kept.discovery)
                kept = _Kept(kept.discovery, keys, kept.fetched, self._clock.monotonic())
                self._kept = kept
            return kept

    async def _fetch_discovery(self) -> Discovery:
        address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = _read(await self._get(address), Discovery)
        if found.issuer != self.settings.issuer:
            raise _misled(f"it calls itself {plain(found.issuer, 200)!r}", "oidc.issuer must be written exactly so")
        methods = found.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise _misled("it takes no proof of possession (PKCE with S256)", "let the provider take it")
        for named in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            self._check(named)
        for named in filter(None, (found.userinfo_endpoint, found.device_authorization_endpoint)):
            self._check(named)
        return found

    async def _fetch_keys(self, discovery: Discovery) -> list[ProviderKey]:
        return provider_keys(_read(await self._get(discovery.jwks_uri), Jwks).keys)

    def _check(self, address: str) -> None:
        try:
            self._open().check(address)
        except ConnectFailedError as error:
            raise _unreachable(error) from error

    async def _get(self, address: str) -> Answer:
        answer = await self._ask(self._open().get(address, limit_bytes=_DOCUMENT_LIMIT_BYTES))
        if answer.status != 200:
            raise _misled(f"it answers {answer.status} for {plain(address, 200)}")
        return answer

    async def _post(self, address: str, form: Mapping[str, str]) -> Answer:
        """Send a form with this client's credentials. Raises RefusedError for a word of refusal that is not of the client."""
        path, settings = self.settings.client_secret_file, self.settings
        methods = (await self.discovery()).token_endpoint_auth_methods_supported
        credentials = None
        form = {**form, "client_id": settings.client_id}
        if path is not None:
            secret = await read_secret(path)
            if methods is None or "client_secret_basic" in methods:
                credentials = (settings.client_id, secret)
            else:
                form["client_secret"] = secret
        answer = await self._ask(
            self._open().post_form(address, form, limit_bytes=_DOCUMENT_LIMIT_BYTES, credentials=credentials)
        )
        if answer.status != 200:
            raise _refusal(answer, path)
        return answer

    async def _ask(self, asking: Any) -> Answer:
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                answer: Answer = await asking
                return answer
        except TimeoutError as error:
            raise UnavailableError(
                f"cannot log in by OIDC now: no answer of the provider within {self.settings.timeout_seconds:g} s",
                hint=_HINT,
                retry_after_seconds=5.0,
            ) from error
        except (ConnectFailedError, LimitExceededError) as error:
            raise _unreachable(error) from error

    def _open(self) -> GuardedSession:
        if self._session is None:
            raise NotFoundError(
                "cannot log in by OIDC: no provider is configured here", hint="nagare login --user NAME"
            )
        return self._session


def _refusal(answer: Answer, secret_file: Path | None) -> Exception:
    try:
        word = decode(answer.body, Refusal).error
    except InputError:
        word = ""
    if not word or answer.status >= 500:
        return _misled(f"it answers {answer.status}")
    if word in ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"):
        place = "oidc.client_secret_file" if secret_file else "oidc.client_secret_file, which is not set,"
        return _misled(
            f"it refuses this server ({plain(word, 40)})", f"check oidc.client_id, oidc.scopes and {place} there"
        )
    return RefusedError(plain(word, 40))


def _read(answer: Answer, kind: type[T]) -> T:
    try:
        return decode(answer.body, kind)
    except NagareError as error:
        raise _misled("its answer does not read") from error


def _unreachable(error: NagareError) -> UnavailableError:
    return UnavailableError(
        f"cannot log in by OIDC now: {error.message}", hint=error.hint or _HINT, retry_after_seconds=5.0
    )


def _misled(cause: str, hint: str = "") -> UnavailableError:
    log.warning("oidc_provider_unusable: %s", cause)
    return UnavailableError(
        f"cannot log in by OIDC: the provider is unusable: {cause}", hint=hint or _HINT, retry_after_seconds=5.0
    )
