"""The user that a program runs as, where that is not the agent's own."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class User:
    """A user by number, with all of its groups: a user that may read the journal is one by its groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    @classmethod
    def find(cls, name: str) -> Self | None:
        """Return the user of that name on this host, None when there is none. Blocking."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            return None
        return cls(entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)))
