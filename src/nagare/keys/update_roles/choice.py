"""Which file of a trusted list an agent may become, and whether the bytes that came are that file."""

from __future__ import annotations

from nagare.errors import UpdateRefusedError
from nagare.keys.update_roles.signatures import is_hex
from nagare.model.updates import BUNDLE_LIMIT_BYTES, Reason, is_older, is_version, parse_bundle_name
from nagare.wire.updates import Bundle, Root, Targets

_DIGEST_DIGITS = 64


def choose(targets: Targets, root: Root, *, version: str, arch: str, running: str) -> Bundle:
    """Return the bundle of ``version`` for ``arch``, to follow ``running``. Raises UpdateRefusedError.

    An earlier version than the one that runs is refused, unless the root names a lowest one and it is not below that.
    """
    found = next((bundle for bundle in targets.bundles if (bundle.version, bundle.arch) == (version, arch)), None)
    if found is None:
        raise UpdateRefusedError(
            f"cannot update to {version[:40]} for {arch[:20]}: targets {targets.version} do not list it",
            reason=Reason.NOT_LISTED,
        )
    check_bundle(found)
    is_back = is_version(running) and is_older(version, running)
    if is_back and (not root.lowest_version or is_older(version, root.lowest_version)):
        raise UpdateRefusedError(
            f"cannot go back from {running} to {version}",
            reason=Reason.DOWNGRADE,
            hint="a new root with a lowest version allows it",
        )
    return found


def check_bundle(bundle: Bundle) -> None:
    """Accept a bundle whose name, length and digest are lawful. Raises UpdateRefusedError, InputError."""
    if parse_bundle_name(bundle.name) != (bundle.version, bundle.arch):
        raise UpdateRefusedError(
            f"cannot use bundle {bundle.name[:100]!r}: its name tells another version", reason=Reason.MALFORMED
        )
    if not 0 < bundle.length <= BUNDLE_LIMIT_BYTES or not is_hex(bundle.sha256, _DIGEST_DIGITS):
        raise UpdateRefusedError(
            f"cannot use bundle {bundle.name}: {bundle.length} bytes, at most {BUNDLE_LIMIT_BYTES} are taken",
            reason=Reason.TOO_LARGE,
        )


def check_file(bundle: Bundle, length: int, sha256: str) -> None:
    """Accept a file of ``length`` bytes and that digest as ``bundle``. Raises UpdateRefusedError."""
    if length != bundle.length:
        raise UpdateRefusedError(
            f"cannot use {bundle.name}: {length} bytes came, {bundle.length} are signed for",
            reason=Reason.CUT if length < bundle.length else Reason.WRONG_LENGTH,
        )
    if sha256 != bundle.sha256:
        raise UpdateRefusedError(
            f"cannot use {bundle.name}: its SHA-256 is not the signed one", reason=Reason.WRONG_HASH
        )
