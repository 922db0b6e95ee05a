"""The check of what hosts sign all day, their batches: libsodium takes half of the time of what ``signing`` uses.

Both follow RFC 8032: what one has signed holds for the other. libsodium also refuses a key of small order, for which one
signature would hold for every message. Only the server imports this: an agent checks little, and carries no second library.
"""

from __future__ import annotations

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_open
from nacl.exceptions import BadSignatureError

from nagare.errors import InputError
from nagare.keys.signing import SIGNATURE_BYTES, check_public_key, decode_exactly


def check_batch_key(public_key: str) -> str:
    """Return ``public_key`` if signatures of its owner can hold here. Raises InputError.

    No key that was generated fails: only points that have no owner, such as those of small order.
    """
    if not crypto_core_ed25519_is_valid_point(decode_exactly(check_public_key(public_key))):
        raise InputError(
            "cannot use public key: it is no point that a private key leads to",
            hint="stop the agent, remove its agent.key, and start it: it makes a new key and registers again",
            errors=[{"pointer": "#/public_key", "detail": "not an Ed25519 key that anybody can own"}],
        )
    return public_key


def is_batch_signed(public_key: str, signature: str, message: bytes) -> bool:
    """Tell whether ``signature`` over ``message`` is by the owner of ``public_key``; damaged input is a plain no."""
    try:
        raw = decode_exactly(signature)
        if len(raw) != SIGNATURE_BYTES:
            return False
        crypto_sign_open(raw + message, decode_exactly(public_key))
    except (BadSignatureError, ValueError):
        return False
    return True
