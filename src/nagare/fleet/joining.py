"""What becomes of a machine that registers: active, waiting for an operator, or refused; pure.

Who registers with the right to do so at once (the owner of the data directory, an administrator) gets what it asks for. A
machine with a join token gets what the token says. Two machines are never merged: who asks for a name that another one
has is refused and shown, and so is one that says it is the same machine but has another key while the first is alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nagare.errors import ConflictError, PermissionDeniedError
from nagare.model.host import Enrolment, Host
from nagare.wire.hosts import RegisterRequest

METRICS = frozenset({"metrics"})


@dataclass(frozen=True, slots=True)
class Joining:
    """How a machine came: by which terms of a join token, and from where."""

    accepts: bool
    labels: Mapping[str, str]
    capabilities: frozenset[str]
    address: str
    # The rule of the configuration that the machine meets, and what it grants.
    rule: str = ""
    rule_capabilities: frozenset[str] = METRICS


def is_contested(known: Host | None, request: RegisterRequest, joining: Joining | None, *, is_up: bool) -> bool:
    """Tell whether ``request`` is by another machine than the one that has the name, or by a copy of it."""
    if known is None:
        return False
    if known.machine_id != request.machine_id:
        return True
    return joining is not None and is_up and known.public_key is not None and known.public_key != request.public_key


def contest_error(name: str) -> ConflictError:
    """Return the error for who asks for the name of another machine."""
    return ConflictError(
        f"cannot register host {name!r}: another machine has that name",
        hint="give this machine a name of its own (agent.name), or remove the other host first",
    )


def check_not_revoked(known: Host | None) -> None:
    """Refuse a host that an operator has shut out. Raises PermissionDeniedError."""
    if known is not None and known.enrolment is Enrolment.REVOKED:
        raise PermissionDeniedError(
            f"cannot register host {known.name!r}: an operator has revoked it",
            hint=f"an operator may let it back: nagare hosts accept {known.name}",
        )


def enrolment_of(known: Host | None, request: RegisterRequest, joining: Joining | None) -> Enrolment:
    """Return how far the registering host has come."""
    if joining is None or joining.accepts:
        return Enrolment.ACTIVE
    if known is not None and is_same(known, request):
        return known.enrolment
    return Enrolment.PENDING


def is_same(known: Host, request: RegisterRequest) -> bool:
    """Tell whether ``request`` is by the very installation that is known, which asks again."""
    return known.machine_id == request.machine_id and known.public_key == request.public_key


def capabilities_of(known: Host | None, joining: Joining | None) -> frozenset[str]:
    """Return what the registering host may do: what an operator said before, else what its token says."""
    if known is not None:
        return known.capabilities
    return METRICS if joining is None else joining.capabilities
