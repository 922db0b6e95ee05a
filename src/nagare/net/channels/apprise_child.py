"""The child process of ``apprise``: the only module that loads the library of that name.

Reads one message from standard input, sends it, and writes one answer. It holds nothing on disk, reads no file, loads no plug-in that
does not come with the library, and follows no redirect.
"""

from __future__ import annotations

import contextlib
import logging
import sys

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType, PersistentStoreMode
from apprise.manager_attachment import AttachmentManager
from apprise.manager_plugins import NotificationManager

from nagare.net.channels.apprise import REFUSED, Answer, Message
from nagare.wire.codec import decode, encode

# The last that the library said of a failure is the cause.
_LINES = 3
_LINE_LIMIT = 1000


class _Said(logging.Handler):
    """Keeps what the library says of what went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the latest lines."""
        self.lines = [*self.lines, record.getMessage()][-_LINES:]


def send(message: Message) -> Answer:
    """Send it, and return what the library said where it did not."""
    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    # No messenger of this machine, and no file of it as template, key or attachment.
    NotificationManager().disable(*REFUSED)  # type: ignore[no-untyped-call]  # the library types its front alone
    AttachmentManager().remove("file", "memory")  # type: ignore[no-untyped-call]
    asset = AppriseAsset(
        app_id="Nagare", app_desc="Nagare", http_redirects=False, async_mode=False, pgp_autogen=False, pem_autogen=False,
        storage_mode=PersistentStoreMode.MEMORY, secure_logging=True,
    )  # fmt: skip
    service = Apprise.instantiate(message.url, asset=asset)
    if service is None:
        return Answer(_cause(said, "its URL is none that the library knows"), is_final=True)
    messenger = Apprise(asset=asset)
    messenger.add(service)
    if messenger.notify(
        body=message.body, title=message.title, notify_type=NotifyType(message.kind), body_format=NotifyFormat.TEXT
    ):
        return Answer()
    return Answer(_cause(said, "the library does not say why"))


def _cause(said: _Said, otherwise: str) -> str:
    return "; ".join(line[:_LINE_LIMIT] for line in said.lines) or otherwise


def main() -> int:
    """Do what standard input says."""
    # What a plug-in prints is no answer.
    with contextlib.redirect_stdout(sys.stderr):
        answer = send(decode(sys.stdin.buffer.read(), Message))
    sys.stdout.buffer.write(encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
