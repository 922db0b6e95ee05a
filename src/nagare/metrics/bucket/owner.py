"""Whose bucket it is: two installations that write to one prefix would remove each other's blocks, so one alone may.

An object names the installation; its id stands in a file beside the blocks. A bucket changes hands when the new
owner's configuration names the old owner's id, and only for an installation that has no blocks of its own.
"""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from nagare.errors import ConfigError, InputError
from nagare.lib.atomic_file import write_atomic
from nagare.metrics.bucket.keys import OWNER
from nagare.metrics.bucket.objects import ObjectStore
from nagare.wire.codec import decode_any, encode


@dataclass(frozen=True, slots=True)
class Installation:
    """This installation as the bucket knows it."""

    id: str

    @classmethod
    def load_or_make(cls, metrics: Path) -> Installation:
        """Return the id that stands in ``metrics``, made there when there is none."""
        file = metrics / "installation"
        try:
            known = file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            known = ""
        if not known:
            known = uuid.uuid4().hex
            write_atomic(file, known.encode() + b"\n")
        return cls(known)


def claim(objects: ObjectStore, own: Installation, take_over: str, *, is_new: bool) -> None:
    """See that the bucket is ours, or becomes it. Raises ConfigError when it is another's, BucketUnavailableError."""
    owner = find_owner(objects)
    if owner == own.id:
        return
    if owner and (owner != take_over or not is_new):
        raise ConfigError(
            f"cannot use bucket {objects.name}: it belongs to the installation {owner}",
            hint="give this one another bucket.prefix; or, when that one is gone for good, start on an empty data directory"
            f' with bucket.take_over = "{owner}"',
        )
    objects.put_bytes(OWNER, encode({"installation": own.id, "host": socket.gethostname()}))


def find_owner(objects: ObjectStore) -> str:
    """Return the id of the installation that the bucket belongs to, empty for nobody's."""
    content = objects.get_bytes(OWNER)
    if content is None:
        return ""
    try:
        found = decode_any(content)
    except InputError:
        found = None
    # Something that is not ours stands there: nobody's word for it, so never ours.
    return str(found["installation"]) if isinstance(found, dict) and "installation" in found else "unknown"
