"""Which directories may be read: the owner of the installation names any, everybody else one that the settings allow.

Who may add a source over HTTP makes the server read files for them. So a directory must lie in one of ``kb.directories``
unless the caller is the owner of the data directory, who could read it anyway; and it never is, or lies in, the data directory.
Looking at a path can mount what it names, or wait for a file server that is gone. So a path is not looked at that is outside
by its mere words, and what is looked at is looked at on a thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from nagare.errors import InputError, PermissionDeniedError
from nagare.model.diagnosis.knowledge import SHIPPED

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_STRANGE = re.compile(r"[^a-z0-9._-]+")
_PATH_LIMIT = 4096
# What the kernel shows there are no files that anybody wrote.
_NEVER = tuple(map(Path, ("/proc", "/sys", "/dev")))
# Nobody has runbooks beside everything else.
_ROOT = Path("/")
# Words that routes and people use otherwise.
_TAKEN = frozenset({SHIPPED, "search", "all"})


def check_directory(directory: str, allowed: Collection[str], data: Path, *, is_owner: bool) -> Path:
    """Return the real path of ``directory``: blocking. Raises InputError, PermissionDeniedError.

    Whether there is a directory outside of ``allowed`` is told to the owner alone.
    """
    if not directory.startswith("/") or len(directory) > _PATH_LIMIT or "\0" in directory:
        raise InputError(
            f"cannot read directory {directory[:80]!r}: the server needs an absolute path",
            errors=[{"pointer": "#/directory", "detail": "an absolute path"}],
        )
    try:
        roots = [Path(root).resolve() for root in allowed]
        # As the settings name them too: who adds a directory writes it so.
        _refuse_outside(_named(directory), [*roots, *map(_named, allowed)], directory, is_owner=is_owner)
        real = Path(directory).resolve()
        own = data.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"cannot read directory {directory[:80]!r}: its path leads nowhere") from error
    _refuse_outside(real, roots, directory, is_owner=is_owner)
    if real == _ROOT or real.is_relative_to(own) or any(real.is_relative_to(one) for one in _NEVER):
        raise InputError(f"cannot read directory {directory[:80]!r}: it holds no pages")
    if not real.is_dir():
        raise InputError(f"cannot read directory {directory[:80]!r}: there is no such directory")
    return real


def _refuse_outside(place: Path, roots: Iterable[Path], directory: str, *, is_owner: bool) -> None:
    if not is_owner and not any(place.is_relative_to(root) for root in roots):
        raise PermissionDeniedError(
            f"cannot read directory {directory[:80]!r}: it is in none that this server may read pages from",
            hint="name it in kb.directories, or add it on the server's machine as its owner",
        )


def _named(path: str) -> Path:
    return Path(os.path.normpath(path))


def name_for(directory: Path, given: str) -> str:
    """Return the name of a source: the one that is given, else that of its directory. Raises InputError."""
    name = given or _STRANGE.sub("-", directory.name.lower()).strip("-._")[:63] or "pages"
    if name in _TAKEN or not _NAME.fullmatch(name):
        raise InputError(
            f"cannot call a source {name[:80]!r}: a-z, 0-9, dot, hyphen and underscore are lawful, 63 of them, "
            f"and none of {', '.join(sorted(_TAKEN))}",
            errors=[{"pointer": "#/name", "detail": "a-z, 0-9, dot, hyphen and underscore, 63 at most"}],
        )
    return name
