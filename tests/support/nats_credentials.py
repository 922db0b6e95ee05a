"""Credentials of a NATS operator, an account and a user, as its tools make them: JWTs signed along the chain by nkeys."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

import nkeys

_UNLIMITED = dict.fromkeys(
    (
        "subs",
        "data",
        "payload",
        "imports",
        "exports",
        "conn",
        "leaf",
        "mem_storage",
        "disk_storage",
        "streams",
        "consumer",
    ),
    -1,
)


@dataclass(frozen=True)
class Chain:
    """Lines of a server's configuration, and the credentials file of a user that it knows."""

    server_lines: tuple[str, ...]
    credentials: str


def make_chain() -> Chain:
    """Return a new operator with an account that may use JetStream, and a user of it."""
    operator, system, account, user = map(
        _key,
        (
            nkeys.PREFIX_BYTE_OPERATOR,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_ACCOUNT,
            nkeys.PREFIX_BYTE_USER,
        ),
    )
    operator_token = _sign(operator, operator, "operator", {})
    account_token = _sign(operator, account, "account", {"limits": {**_UNLIMITED, "wildcards": True}})
    # Without JetStream, which the system's account may not have.
    plain = {name: -1 for name in _UNLIMITED if not name.endswith("storage")}
    system_token = _sign(operator, system, "account", {"limits": {**plain, "wildcards": True}})
    user_token = _sign(account, user, "user", {"subs": -1, "data": -1, "payload": -1})
    lines = (
        f"operator: {operator_token}",
        "resolver: MEMORY",
        f"system_account: {_public(system)}",
        f"resolver_preload: {{ {_public(account)}: {account_token}, {_public(system)}: {system_token} }}",
    )
    seed = user.seed.decode()
    parts = (
        "-----BEGIN NATS USER JWT-----", user_token, "------END NATS USER JWT------", "",
        "-----BEGIN USER NKEY SEED-----", seed, "------END USER NKEY SEED------", "",
    )  # fmt: skip
    return Chain(lines, "\n".join(parts))


def _key(kind: int) -> Any:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(secrets.token_bytes(32), kind)))


def _public(key: Any) -> str:
    public: bytes = key.public_key
    return public.decode()


def _sign(issuer: Any, subject: Any, kind: str, more: dict[str, Any]) -> str:
    claims: dict[str, Any] = {
        "iat": 1_760_000_000, "iss": _public(issuer), "name": kind, "sub": _public(subject),
        "nats": {"type": kind, "version": 2, **more},
    }  # fmt: skip
    claims["jti"] = base64.b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
    signed = f"{_encoded(json.dumps({'typ': 'JWT', 'alg': 'ed25519-nkey'}).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{signed}.{_encoded(issuer.sign(signed.encode()))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
