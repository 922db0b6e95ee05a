"""What a consumer may be. Pure."""

from __future__ import annotations

import re

from nagare.bus.protocol import ConsumerSpec
from nagare.bus.streams import Streams
from nagare.bus.subjects import Pattern
from nagare.errors import InputError, InvalidLabelError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_consumer(spec: ConsumerSpec, streams: Streams) -> None:
    """Raise NotFoundError or InputError unless ``spec`` describes a consumer of one of ``streams``."""
    stream = streams.get(spec.stream)
    if _NAME.fullmatch(spec.name) is None:
        raise InvalidLabelError(f"cannot use consumer name {spec.name[:80]!r}: letters, digits, _ and -, 64 at most")
    patterns = [Pattern(text) for text in spec.subjects]
    known = [Pattern(text) for text in stream.subjects]
    for index, pattern in enumerate(patterns):
        if not any(pattern.overlaps(other) for other in known):
            raise InputError(
                f"cannot make consumer {spec.name}: stream {stream.name} has no subject like {pattern.text}"
            )
        if any(pattern.overlaps(other) for other in patterns[:index]):
            raise InputError(f"cannot make consumer {spec.name}: {pattern.text} overlaps another of its patterns")
    if spec.ack_seconds <= 0 or spec.deliver_limit < 1 or spec.unacked_limit < 1:
        raise InputError(f"cannot make consumer {spec.name}: its limits are positive numbers")
