"""The server's keys of commands: what it signs envelopes with, and what a host trusts.

A role of its own: keys of updates, tokens or TLS sign no command. A host takes the first list of keys from the server that
it joined, over a connection that is proven; afterwards only a list that one of the keys it holds has signed replaces it,
so that whoever can speak in the server's name later, but has no key, can run nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress

from nagare.errors import CommandRefusedError, InputError
from nagare.keys.signing import SigningKey, check_public_key, is_signed
from nagare.model.command.result import Reason
from nagare.wire.commands import (
    COMMANDS_VERSION,
    CommandEnvelope,
    CommandKeys,
    Dispatch,
    KeyList,
    Secret,
    SignedCommandKeys,
    envelope_text,
    keys_text,
    read_keys,
)

# What is signed begins with its purpose: no signature over one kind of text is ever good for another.
_ENVELOPE_PURPOSE = b"nagare command envelope 1\n"
_KEYS_PURPOSE = b"nagare command keys 1\n"


def key_id(public_key: str) -> str:
    """Return what names ``public_key``: the SHA-256 of its raw bytes, in hex. Raises InputError for no key."""
    return hashlib.sha256(base64.b64decode(check_public_key(public_key))).hexdigest()


def sign_envelope(envelope: CommandEnvelope, key: SigningKey, secrets: Mapping[str, Secret] | None = None) -> Dispatch:
    """Return the frame that sends ``envelope``, signed by ``key``. Raises InputError for an unlawful text."""
    text = envelope_text(envelope)
    return Dispatch(text, key_id(key.public_key), key.sign(_ENVELOPE_PURPOSE + text.encode()), dict(secrets or {}))


def check_signature(dispatch: Dispatch, trusted: Sequence[str]) -> None:
    """Accept the frame when one of the ``trusted`` public keys signed its envelope. Raises CommandRefusedError."""
    if not trusted:
        raise CommandRefusedError(
            "cannot run command: this host trusts no key of a server yet",
            hint="it learns it when it joins, or from server_keys in its policy",
            reason=Reason.NO_KEY,
        )
    known = {key_id(key): key for key in trusted}
    if dispatch.key not in known:
        raise CommandRefusedError(
            f"cannot run command: key {dispatch.key[:12]} signed it, which this host does not trust",
            reason=Reason.UNKNOWN_KEY,
        )
    if not is_signed(known[dispatch.key], dispatch.signature, _ENVELOPE_PURPOSE + _encoded(dispatch.envelope)):
        raise CommandRefusedError(
            "cannot run command: its signature does not fit what it says", reason=Reason.BAD_SIGNATURE
        )


def secret_digest(secret: Secret) -> str:
    """Return what an envelope holds of a secret; the salt keeps a guess from being tried against it."""
    return hashlib.sha256(bytes.fromhex(secret.salt) + b"\n" + secret.value.encode()).hexdigest()


def sign_keys(keys: CommandKeys, *signers: SigningKey) -> SignedCommandKeys:
    """Return ``keys`` signed by ``signers``: the first of them and, where they replace others, one of those."""
    text = keys_text(keys)
    message = _KEYS_PURPOSE + text.encode()
    return SignedCommandKeys(text, {key_id(signer.public_key): signer.sign(message) for signer in signers})


def first_keys(signer: SigningKey) -> SignedCommandKeys:
    """Return the first list of a server."""
    return sign_keys(CommandKeys(COMMANDS_VERSION, 1, [signer.public_key]), signer)


def accept_keys(held: str, offered: SignedCommandKeys) -> str:
    """Return the text of the list to hold from now on; ``held`` is the present one, empty before the first.

    Who missed some goes through the earlier ones, each signed by a key of the one that is held by then. Raises InputError
    for a list that must not replace it: an older one, or one that no held key has signed.
    """
    if held:
        for earlier in offered.earlier:
            # One that was passed already, or that this host cannot check, leads nowhere; the last one decides.
            with suppress(InputError):
                held = _accept(held, earlier)
    return _accept(held, offered)


def keys_number(held: str) -> int:
    """Return the number of the list that is held, zero before the first. Raises InputError for a damaged one."""
    return read_keys(held).number if held else 0


def _accept(held: str, offered: SignedCommandKeys | KeyList) -> str:
    if offered.text == held:
        return held
    new = read_keys(offered.text)
    for key in new.keys:
        check_public_key(key)
    # Whoever offers a key can use it.
    _check_signed_by(new.keys[:1], offered)
    if not held:
        return offered.text
    old = read_keys(held)
    if new.number <= old.number:
        raise InputError(f"cannot use the server's keys of commands {new.number}: {old.number} are held already")
    _check_signed_by(old.keys, offered)
    return offered.text


def trusted_keys(held: str) -> list[str]:
    """Return the public keys of the list that is held, none before the first. Raises InputError for a damaged one."""
    return list(read_keys(held).keys) if held else []


def _check_signed_by(keys: Sequence[str], offered: SignedCommandKeys | KeyList) -> None:
    message = _KEYS_PURPOSE + _encoded(offered.text)
    if not any(is_signed(key, offered.signatures.get(key_id(key), ""), message) for key in keys):
        raise InputError(
            "cannot use the server's keys of commands: no key that this host trusts has signed them",
            hint="if the server lost its key, let the host join again",
        )


def _encoded(text: str) -> bytes:
    # Half a character cannot come from a decoder of JSON; it fits no signature either.
    return text.encode(errors="replace")
