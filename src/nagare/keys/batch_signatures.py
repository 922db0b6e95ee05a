"""The check of what hosts sign all day, their batches: libsodium takes half of the time of what ``signing`` uses.

Both follow RFC 8032: what one has signed holds for the other. libsodium also refuses a key of small order, for which one
signature would hold for every message. Only the server imports this: an agent checks little, and carries no second library.
"""

from __future__ import annotations

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from nagare.keys.signing import SIGNATURE_BYTES, decode_exactly


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
