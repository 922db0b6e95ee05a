"""ID tokens of a foreign OpenID provider: verified with the keys that it publishes, by algorithms that we choose.

The token's ``alg`` only picks among four of ours, and must fit the kind of the key that ``kid`` names: a public key is
never taken for a shared secret, and ``none`` is no algorithm. Keys inside a token (``jwk``, ``jku``, ``x5c``) are not
looked at. Times are Unix seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from nagare.errors import NagareError, UnauthenticatedError
from nagare.keys.compact import read_header, read_object
from nagare.keys.weak_keys import is_factorable

# Between the provider's clock and ours.
LEEWAY_SECONDS = 60
# Some providers put hundreds of groups into a token.
TOKEN_LIMIT = 64 * 1024
_KEYS_LIMIT = 100
_SUBJECT_LIMIT = 255
_RSA_BITS = range(2048, 8193)

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
_KIND_BY_ALGORITHM = MappingProxyType({"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"})
ALGORITHMS = frozenset(_KIND_BY_ALGORITHM)


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key of a provider: its ``kid`` (empty without one), ``kty``, and the only algorithm it is for, if told."""

    id: str
    kind: str
    algorithm: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say: who made it, for whom, in answer to which ``nonce`` (None: none was sent)."""

    issuer: str
    client_id: str
    nonce: str | None = None
    access_token: str = ""


class UnknownKeyError(UnauthenticatedError):
    """The token names a key that is not among those given: the provider may have a new one."""


def provider_keys(jwks: Iterable[Any]) -> list[ProviderKey]:
    """Return those of ``jwks`` (RFC 7517) that may verify ID tokens; others are passed over, for a set may hold any."""
    found = []
    for jwk in list(jwks)[:_KEYS_LIMIT]:
        key = _key(jwk) if isinstance(jwk, dict) else None
        if key is not None:
            found.append(key)
    return found


def verify_id_token(token: str, keys: Iterable[ProviderKey], expected: Expected, now: float) -> dict[str, Any]:
    """Return the claims of a token that is genuine, for us, of now, and answers our request.

    Raises UnknownKeyError when another set of keys may hold its key, UnauthenticatedError that says what is wrong.
    """
    payload, algorithm = verified_payload(token, keys)
    claims = _claims(payload)
    _check_parties(claims, expected)
    _check_times(claims, now)
    _check_answer(claims, expected, algorithm)
    return claims


def verified_payload(token: str, keys: Iterable[ProviderKey]) -> tuple[bytes, str]:
    """Return what one of ``keys`` signed, and by which algorithm. Raises UnknownKeyError, UnauthenticatedError."""
    if len(token) > TOKEN_LIMIT or token.count(".") != 2:
        raise _refused("it is no signed token")
    header = _header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused(f"it is not signed by one of {', '.join(sorted(ALGORITHMS))}")
    if "crit" in header:
        raise _refused("its header asks for what is not known here")
    return _payload(token, _chosen(header, algorithm, keys), algorithm), algorithm


def _chosen(header: Mapping[str, Any], algorithm: str, keys: Iterable[ProviderKey]) -> ProviderKey:
    kind, kid = _KIND_BY_ALGORITHM[algorithm], header.get("kid")
    fitting = [key for key in keys if key.kind == kind and key.algorithm in ("", algorithm)]
    if kid is not None:
        fitting = [key for key in fitting if key.id and key.id == kid]
    # Without a name only a set of one key tells which one is meant (OpenID Connect Core 10.1).
    if len(fitting) != 1:
        raise UnknownKeyError(_text("the provider publishes no key that it names"))
    return fitting[0]


def _payload(token: str, key: ProviderKey, algorithm: str) -> bytes:
    from jwt import PyJWS  # noqa: PLC0415  a server without such logins needs none of it
    from jwt.exceptions import PyJWTError  # noqa: PLC0415  as above

    try:
        payload: bytes = PyJWS([algorithm]).decode_complete(token, key.public, [algorithm])["payload"]
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _refused("its signature is wrong") from error
    return payload


def _header(token: str) -> dict[str, Any]:
    try:
        return read_header(token)
    except NagareError as error:
        raise _refused("its header does not read") from error


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        return read_object(payload)
    except NagareError as error:
        raise _refused("its claims do not read") from error


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise _refused("another issuer made it")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if expected.client_id not in audiences:
        raise _refused("it is for another client")
    if (party is not None or len(audiences) > 1) and party != expected.client_id:
        raise _refused("it was given to another client")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _SUBJECT_LIMIT or not subject.isprintable():
        raise _refused("it names nobody")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    ends, made, begins = (_time(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if ends is None or made is None or (begins is None and claims.get("nbf") is not None):
        raise _refused("it does not say when it was made and when it ends")
    if now >= ends + LEEWAY_SECONDS:
        raise _refused("it has ended")
    if now < max(made, begins or 0.0) - LEEWAY_SECONDS:
        raise _refused("it is of the future")


def _check_answer(claims: Mapping[str, Any], expected: Expected, algorithm: str) -> None:
    nonce, of_access = claims.get("nonce"), claims.get("at_hash")
    if expected.nonce is not None and not _is_same(nonce, expected.nonce):
        raise _refused("it answers another request")
    if of_access is not None and not _is_same(of_access, access_hash(expected.access_token, algorithm)):
        raise _refused("another access token came with it")


def access_hash(access_token: str, algorithm: str) -> str:
    """Return the ``at_hash`` of an access token: the left half of the digest that ``algorithm`` signs."""
    digest = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    hashed = digest(access_token.encode()).digest()
    return base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).rstrip(b"=").decode()


def _is_same(value: Any, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "surrogatepass"), wanted.encode())


def _time(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 2**53 else None


def _key(jwk: Mapping[str, Any]) -> ProviderKey | None:
    kind, id_, algorithm = jwk.get("kty"), jwk.get("kid", ""), jwk.get("alg", "")
    if not isinstance(kind, str) or not isinstance(id_, str) or (algorithm and algorithm not in ALGORITHMS):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    make = _MAKERS.get(kind)
    try:
        public = None if make is None else make(jwk)
    except (ValueError, TypeError, KeyError):
        return None
    return None if public is None else ProviderKey(id_, kind, str(algorithm), public)


def _rsa(jwk: Mapping[str, Any]) -> PublicKey | None:
    exponent = _number(jwk["e"])
    # A longer exponent would make each token expensive.
    if exponent.bit_length() > 33:
        return None
    modulus = _number(jwk["n"])
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return public if public.key_size in _RSA_BITS and not is_factorable(modulus) else None


def _ec(jwk: Mapping[str, Any]) -> PublicKey | None:
    if jwk["crv"] != "P-256":
        return None
    return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()


def _okp(jwk: Mapping[str, Any]) -> PublicKey | None:
    return ed25519.Ed25519PublicKey.from_public_bytes(_raw(jwk["x"])) if jwk["crv"] == "Ed25519" else None


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], PublicKey | None]] = {"RSA": _rsa, "EC": _ec, "OKP": _okp}


def _number(text: str) -> int:
    return int.from_bytes(_raw(text))


def _raw(text: str) -> bytes:
    if len(text) > 2048:
        raise ValueError
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _text(cause: str) -> str:
    return f"cannot log in: the provider's ID token is refused: {cause}"


def _refused(cause: str) -> UnauthenticatedError:
    return UnauthenticatedError(_text(cause), hint="begin again; if that does not help, check [oidc]")
