"""Whether a document carries the signatures that a role needs: different keys, each known, each good, enough of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.errors import UpdateRefusedError
from nagare.keys.signing import is_signed
from nagare.keys.update_roles.documents import ED25519, keyid_of
from nagare.model.updates import ROLES, Reason
from nagare.wire.updates import PublicKey, Root, Signature

_KEYS_LIMIT = 32
_PUBLIC_DIGITS, _SIGNATURE_DIGITS = 64, 128


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose word counts: the keys that ``root`` names for ``role``."""

    root: Root
    role: str


def check_keys(root: Root) -> None:
    """Accept a root whose roles are complete and whose keys are what they are called. Raises UpdateRefusedError."""
    if sorted(root.roles) != sorted(ROLES) or root.version < 1 or len(root.keys) > _KEYS_LIMIT:
        raise _malformed(f"it must name keys for {', '.join(ROLES)}, and {_KEYS_LIMIT} of them at the most")
    for keyid, key in root.keys.items():
        if key.type != ED25519:
            raise UpdateRefusedError(
                f"cannot use root {root.version}: a key is of type {key.type[:40]!r}, only {ED25519} is known",
                reason=Reason.UNKNOWN_ALGORITHM,
            )
        if not is_hex(key.public, _PUBLIC_DIGITS) or keyid_of(key) != keyid:
            raise _malformed("a key is not the one that its id names")
    for role, keys in root.roles.items():
        named = set(keys.keyids)
        if len(named) != len(keys.keyids) or not named <= root.keys.keys() or not 1 <= keys.threshold <= len(named):
            raise _malformed(f"role {role} names a key twice, an unknown key, or needs more than it has")


def check_signatures(signatures: Sequence[Signature], message: bytes, authorities: Sequence[Authority]) -> None:
    """Accept ``message`` when every one of ``authorities`` has enough good signatures on it and none is another's.

    A key that signs twice counts once. Raises UpdateRefusedError.
    """
    if len(signatures) > 2 * _KEYS_LIMIT:
        raise UpdateRefusedError("cannot use document: too many signatures", reason=Reason.TOO_LARGE)
    role = authorities[0].role
    signers = {signature.keyid for signature in signatures}
    for signature in signatures:
        _check_good(signature, message, _key_of(signature.keyid, authorities))
    for authority in authorities:
        wanted = authority.root.roles[role]
        count = len(signers & set(wanted.keyids))
        if count < wanted.threshold:
            raise UpdateRefusedError(
                f"cannot use {role}: {count} of {wanted.threshold} signatures that root {authority.root.version} asks",
                reason=Reason.TOO_FEW_SIGNATURES,
            )


def is_hex(text: str, digits: int) -> bool:
    """Tell whether ``text`` is that many lower-case hex digits."""
    return len(text) == digits and set(text) <= set("0123456789abcdef")


def _key_of(keyid: str, authorities: Sequence[Authority]) -> PublicKey:
    role = authorities[0].role
    for authority in authorities:
        if keyid in authority.root.roles[role].keyids:
            return authority.root.keys[keyid]
    if any(keyid in authority.root.keys for authority in authorities):
        raise UpdateRefusedError(
            f"cannot use {role}: key {keyid[:12]} signed it, which is of another role", reason=Reason.WRONG_ROLE
        )
    raise UpdateRefusedError(
        f"cannot use {role}: key {keyid[:12]} signed it, which root {authorities[-1].root.version} does not know "
        "(an old, revoked or foreign key)",
        reason=Reason.UNKNOWN_KEY,
    )


def _check_good(signature: Signature, message: bytes, key: PublicKey) -> None:
    if is_hex(signature.sig, _SIGNATURE_DIGITS) and is_signed(_base64(key.public), _base64(signature.sig), message):
        return
    raise UpdateRefusedError(
        f"cannot use document: the signature of key {signature.keyid[:12]} does not fit", reason=Reason.BAD_SIGNATURE
    )


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _malformed(cause: str) -> UpdateRefusedError:
    return UpdateRefusedError(f"cannot use root: {cause}", reason=Reason.MALFORMED)
