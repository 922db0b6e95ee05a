"""A user as it is kept, and what it may."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nagare.errors import InputError
from nagare.identity.users.roles import OWN_ACCOUNT, Grant, Role, allowances
from nagare.model.principal import Allowance, Rights, combined

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")
# Names under which the audit log speaks of others than users.
_RESERVED = frozenset({"local", "anonymous", "server", "system"})


@dataclass(frozen=True, slots=True)
class User:
    """A user. ``password`` is its argon2 hash, None for one that cannot log in by password. Times are Unix milliseconds."""

    id: str
    name: str
    created_ms: int
    password: str | None = field(default=None, repr=False)
    password_ms: int | None = None
    disabled_ms: int | None = None
    last_login_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what it may: its grants, and those roles of one's own that they name."""

    user: User
    grants: tuple[Grant, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)

    @property
    def rights(self) -> Rights:
        """What the user may, all grants together, its own account included."""
        return combined([*allowances(self.grants, self.roles), Allowance(OWN_ACCOUNT)])


def check_user_name(name: str) -> str:
    """Return ``name`` as it is kept, in lower case. Raises InputError."""
    lowered = name.strip().lower()
    if not _NAME.fullmatch(lowered) or lowered in _RESERVED:
        raise InputError(
            f"cannot name a user {name[:80]!r}: not a lawful name",
            hint="use at most 64 of a-z, 0-9 and . _ @ + -, beginning and ending with a letter or digit",
        )
    return lowered
