"""What a host may say of itself when it registers; pure checks."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nagare.errors import InputError, InvalidLabelError
from nagare.lib.names import check_host
from nagare.wire.hosts import RegisterRequest, without_label

# The label with the groups of a host, comma separated.
GROUP_LABEL = "group"
_PAIRS_LIMIT = 64
_KEY_LIMIT = 63
_LABEL_LIMIT = 256
_FACT_LIMIT = 1024
_MACHINE_LIMIT = 128
_VERSION_LIMIT = 64
_INTERVAL_SECONDS = (0.2, 3600.0)


def check_registration(request: RegisterRequest) -> None:
    """Accept a lawful registration. Raises InputError that points at the fault."""
    check_host(request.name)
    _check_text("machine_id", request.machine_id, _MACHINE_LIMIT)
    _check_text("version", request.version, _VERSION_LIMIT)
    low, high = _INTERVAL_SECONDS
    if not (math.isfinite(request.interval_seconds) and low <= request.interval_seconds <= high):
        raise _fault("interval_seconds", f"must be between {low} and {high:.0f} seconds")
    check_labels(request.labels)
    _check_pairs("facts", request.facts, _FACT_LIMIT)


def without_group(request: RegisterRequest) -> RegisterRequest:
    """Return ``request`` without the label that names groups: an agent's own word must not put its host into one."""
    return without_label(request, GROUP_LABEL)


def check_labels(labels: Mapping[str, str]) -> None:
    """Accept lawful labels. Raises InvalidLabelError that points at the fault."""
    _check_pairs("labels", labels, _LABEL_LIMIT)


def merge_labels(told: Mapping[str, str], told_before: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return a host's ``labels`` after its agent tells its own again.

    What the agent changed, added or dropped since ``told_before`` takes effect, except where an operator said
    something else meanwhile: the operator wins.
    """
    merged = dict(labels)
    for key in {*told, *told_before}:
        if told.get(key) == told_before.get(key) or labels.get(key) != told_before.get(key):
            continue
        if key in told:
            merged[key] = told[key]
        else:
            del merged[key]
    return merged


def _check_pairs(field: str, pairs: Mapping[str, str], limit: int) -> None:
    if len(pairs) > _PAIRS_LIMIT:
        raise _fault(field, f"at most {_PAIRS_LIMIT} pairs are lawful, {len(pairs)} were sent")
    for key, value in pairs.items():
        if not 0 < len(key) <= _KEY_LIMIT or not key.isprintable():
            raise _fault(field, f"key {key[:80]!r}: 1 to {_KEY_LIMIT} printable characters are lawful")
        if len(value) > limit or not _is_storable(value):
            raise _fault(field, f"value of {key!r}: at most {limit} characters without NUL are lawful")


def _check_text(field: str, value: str, limit: int) -> None:
    if not 0 < len(value) <= limit or not value.isprintable():
        raise InputError(
            f"cannot register host: {field}: 1 to {limit} printable characters are lawful",
            errors=[{"pointer": f"#/{field}", "detail": f"1 to {limit} printable characters"}],
        )


def _is_storable(value: str) -> bool:
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def _fault(field: str, cause: str) -> InvalidLabelError:
    return InvalidLabelError(f"cannot accept {field}: {cause}", errors=[{"pointer": f"#/{field}", "detail": cause}])
