"""What ``/ws/ssh/{host}`` says beside bytes: binary frames are SSH's own, both ways, and nobody reads them on the way.

The server's first frame is ``opened``, or ``ended`` where it came to nothing; the last one is ``ended``. Clients send no text.
"""

from __future__ import annotations

import msgspec

from nagare.wire.codec import decode

# What one binary frame may hold; longer ones end the tunnel.
FRAME_LIMIT_BYTES = 64 * 1024


class TunnelOpened(msgspec.Struct, frozen=True, tag="opened", tag_field="op"):
    """The SSH of the host answers; what comes from now on are its bytes."""


class TunnelEnded(msgspec.Struct, frozen=True, tag="ended", tag_field="op"):
    """The tunnel is over, or was never begun. ``code`` is that of a problem, empty where the host itself closed."""

    why: str
    code: str = ""
    hint: str = ""


TunnelFrame = TunnelOpened | TunnelEnded


def decode_tunnel_frame(content: str) -> TunnelFrame:
    """Return what the server said. Raises InputError."""
    frame: TunnelFrame = decode(content, TunnelFrame)  # type: ignore[arg-type]  # a union is a type to the decoder
    return frame
