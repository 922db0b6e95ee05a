"""What the store needs of a bucket: a few verbs over keys. A directory and S3 have them; one contract suite holds both.

A key is a relative path with ``/``. ``put`` is whole or not at all: nobody reads half an object. All of them block, and
raise BucketUnavailableError when the bucket cannot be reached or refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

# Bytes copied between two looks at whether somebody wants to stop.
PIECE_BYTES = 2**20
Stop = Callable[[], None]


def never() -> None:
    """Let a copy run to its end."""


class ObjectStore(Protocol):
    """Objects by key."""

    @property
    def name(self) -> str:
        """What people call it: the URL without credentials."""
        ...

    def put(self, key: str, source: Path) -> None:
        """Store the bytes of the file ``source``. Raises FileNotFoundError when it is gone."""
        ...

    def get(self, key: str, target: Path, stop: Stop = never) -> None:
        """Write the object to the new file ``target``; ``stop`` is called now and then and may raise.

        Raises FileNotFoundError; what was written of ``target`` is left to the caller.
        """
        ...

    def put_bytes(self, key: str, content: bytes) -> None:
        """Store ``content``."""
        ...

    def get_bytes(self, key: str) -> bytes | None:
        """Return a small object, None when there is none."""
        ...

    def list(self, prefix: str) -> dict[str, int]:
        """Return the keys below ``prefix`` (a folder, or empty) and their sizes in bytes."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no fault."""
        ...
