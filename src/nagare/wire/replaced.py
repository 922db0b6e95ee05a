"""A message with some of its fields replaced, for rooms that do not know the library that messages are made with."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

Message = TypeVar("Message", bound=msgspec.Struct)


def replaced(message: Message, **fields: Any) -> Message:
    """Return a copy of ``message`` with those ``fields``. Raises TypeError for one that it does not have."""
    return msgspec.structs.replace(message, **fields)
