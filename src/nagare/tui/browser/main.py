"""Where a dashboard behind a page begins: ``python -m nagare.tui.browser.main``, started by the server and by nobody else."""

from __future__ import annotations

import os
import resource
import sys

from nagare.errors import NagareError
from nagare.lib.garbage import drawing_collector, set_aside
from nagare.lib.plain_text import plain
from nagare.tui.browser.fence import put_fence
from nagare.wire.codec import decode, encode
from nagare.wire.ui import HandOver

_HAND_OVER_LIMIT_BYTES = 64 * 1024
_HEAD_BYTES = 4
# A screen of thousands of hosts takes a fifth of it; beyond it something is wrong here, and not with the server.
_MEMORY_LIMIT_BYTES = 2**30
_FAULT_LIMIT = 300


def main() -> int:
    """Run one dashboard to its end and return the exit status; what went wrong is told in a last packet."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    with drawing_collector():
        return _run()


def _run() -> int:
    try:
        told = decode(_read_hand_over(), HandOver)
        put_fence(told)
        # Inside, and so are the threads that libraries start as they are imported.
        from nagare.tui.browser.app import make_app  # noqa: PLC0415  as above

        app = make_app(told)
        set_aside()
    except NagareError as error:
        # Nobody takes packets before this line, which the framework has no occasion to write.
        os.write(1, b"__GANGLION__\n")
        return _fail(error.message)
    app.run(mouse=True)
    if app.failure is not None:
        return _fail(f"{type(app.failure).__name__}: {app.failure}")
    return 0


def _read_hand_over() -> bytes:
    # No buffer of ours may take bytes that the driver is to read.
    size = int.from_bytes(_read_exactly(_HEAD_BYTES), "big")
    return _read_exactly(min(size, _HAND_OVER_LIMIT_BYTES))


def _read_exactly(count: int) -> bytes:
    content = b""
    while len(content) < count and (piece := os.read(0, count - len(content))):
        content += piece
    return content


def _fail(text: str) -> int:
    told = encode({"type": "fault", "why": plain(text, _FAULT_LIMIT)})
    os.write(1, b"M" + len(told).to_bytes(4, "big") + told)
    return 70


if __name__ == "__main__":
    sys.exit(main())
