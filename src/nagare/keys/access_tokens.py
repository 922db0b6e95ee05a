"""Access tokens: JWS in compact form, signed with RS256, and nothing else that the standards would also allow.

The algorithm is ours and never the token's: ``alg`` must read RS256 before a key is looked for, the key is one of our
own that ``kid`` names, and a header with anything that we do not write (``crit``, ``jku``, ``jwk``, ``x5c``) is foreign.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from nagare.errors import NagareError, StorageError, UnauthenticatedError
from nagare.keys.compact import read_header
from nagare.keys.token_keys import TokenKey, load_keys, make_key
from nagare.lib.clock import Clock
from nagare.wire.codec import decode, encode
from nagare.wire.identity import AccessClaims, Jwk

T = TypeVar("T")
ALGORITHM = "RS256"
ISSUER, AUDIENCE = "urn:nagare:server", "nagare"
# Between the clocks of the server that signed and the one that verifies: both are ours.
LEEWAY_SECONDS = 5
_TYPE = "at+jwt"
_TOKEN_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Access:
    """A signed token and when it ends, in Unix milliseconds."""

    token: str
    expires_ms: int


class AccessTokens:
    """Signs and verifies; keys are read, and the first one made, when they are first needed."""

    def __init__(self, folder: Path, clock: Clock, life_seconds: float) -> None:
        """Keep where the keys stand; nothing is read yet."""
        self._folder = folder
        self._clock = clock
        self._life_seconds = int(life_seconds)
        # None until they were read. Changed only while _changing is held: two first logins make one key.
        self._keys: list[TokenKey] | None = None
        self._changing = asyncio.Lock()

    async def sign(self, user_id: str, session_id: str) -> Access:
        """Return a token of that session. Raises ConfigError, StorageError for keys that do not read."""
        key = (await self._loaded(may_make=True))[0]
        now = self._clock.now_ms() // 1000
        claims = AccessClaims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=user_id,
            sid=session_id,
            jti=uuid.uuid4().hex,
            iat=now,
            nbf=now,
            exp=now + self._life_seconds,
        )
        return Access(sign_compact(encode(claims), key), claims.exp * 1000)

    async def verify(self, token: str) -> AccessClaims:
        """Return what a genuine token says that has not ended. Raises UnauthenticatedError, the same for every cause."""
        if len(token) > _TOKEN_LIMIT:
            raise _refused()
        claims = _claims(verify_compact(token, await self._loaded(may_make=False)))
        now = self._clock.now_ms() / 1000
        begins, ends = max(claims.nbf, claims.iat) - LEEWAY_SECONDS, claims.exp + LEEWAY_SECONDS
        if (claims.iss, claims.aud) != (ISSUER, AUDIENCE) or not begins <= now < ends:
            raise _refused()
        return claims

    async def public_keys(self) -> list[Jwk]:
        """Return the keys that verify, newest first."""
        return [Jwk(**key.jwk()) for key in await self._loaded(may_make=False)]

    async def rotate(self) -> str:
        """Sign with a new key from now on and return its id; old ones stay until their last token has ended."""
        keys = await self._loaded(may_make=False)
        async with self._changing:
            key = await _in_thread(lambda: make_key(self._folder, self._clock.now_ms()))
            self._keys = [key, *keys]
        await self.drop_ended()
        return key.id

    async def drop_ended(self) -> None:
        """Remove keys whose last token has ended. Raises StorageError."""
        if not self._keys:
            return
        last_ms = self._clock.now_ms() - (self._life_seconds + 2 * LEEWAY_SECONDS) * 1000
        kept, ended = self._keys[:1], list[TokenKey]()
        for key, successor in zip(self._keys[1:], self._keys, strict=False):
            (kept if successor.made_ms > last_ms else ended).append(key)
        self._keys = kept
        for key in ended:
            with _translated(f"remove {key.file}"):
                key.file.unlink(missing_ok=True)

    async def _loaded(self, *, may_make: bool) -> list[TokenKey]:
        if self._keys or (self._keys is not None and not may_make):
            return self._keys
        async with self._changing:
            if self._keys is None:
                self._keys = await _in_thread(lambda: load_keys(self._folder))
            if not self._keys and may_make:
                self._keys = [await _in_thread(lambda: make_key(self._folder, self._clock.now_ms()))]
            return self._keys


async def _in_thread(work: Callable[[], T]) -> T:
    # Seldom enough that a thread for each costs nothing: a key is made once in months.
    with ThreadPoolExecutor(1, thread_name_prefix="token-keys") as threads, _translated("use token keys"):
        return await asyncio.get_running_loop().run_in_executor(threads, work)


def _claims(payload: bytes) -> AccessClaims:
    try:
        return decode(payload, AccessClaims)
    except NagareError as error:
        raise _refused() from error


def sign_compact(payload: bytes, key: TokenKey) -> str:
    """Return ``payload`` signed, in compact form."""
    from jwt import PyJWS  # noqa: PLC0415  a server without users needs none of it

    return PyJWS().encode(payload, key.private, ALGORITHM, {"typ": _TYPE, "kid": key.id})


def verify_compact(token: str, keys: Iterable[TokenKey]) -> bytes:
    """Return the payload of a token that one of ``keys`` signed. Raises UnauthenticatedError."""
    try:
        header = read_header(token)
    except NagareError as error:
        raise _refused() from error
    key = next((key for key in keys if key.id == header.get("kid")), None)
    if key is None or header != {"alg": ALGORITHM, "typ": _TYPE, "kid": key.id}:
        raise _refused()
    return verified_payload(token, key.public)


def verified_payload(token: str, key: RSAPublicKey) -> bytes:
    """Return the payload if ``key`` signed it with RS256, whatever the header says besides. Raises UnauthenticatedError."""
    from jwt import PyJWS  # noqa: PLC0415  as above
    from jwt.exceptions import PyJWTError  # noqa: PLC0415  as above

    try:
        payload: bytes = PyJWS([ALGORITHM]).decode_complete(token, key, [ALGORITHM])["payload"]
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _refused() from error
    return payload


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError("cannot accept access token: not one of ours, or it has ended", hint="log in again")


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot {doing}: {(error.strerror or str(error)).lower()}") from error
