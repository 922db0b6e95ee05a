"""What of the typed bytes closes a shell, what goes to the host, and what its end is to this program."""

import pytest

from nagare.cli.shell.escape import Escape
from nagare.cli.ssh import exit_status
from nagare.ssh.shell import Ending


@pytest.mark.parametrize(
    ("typed", "sent", "is_close"),
    [
        ([b"ls\r"], b"ls\r", False),
        ([b"~."], b"", True),
        ([b"ls\r~."], b"ls\r", True),
        ([b"ls\r", b"~", b"."], b"ls\r", True),
        ([b"a~."], b"a~.", False),
        ([b"~~."], b"~.", False),
        ([b"~x"], b"~x", False),
        ([b"cd ~\r"], b"cd ~\r", False),
    ],
)
def test_the_way_out_is_that_of_openssh(typed: list[bytes], sent: bytes, is_close: bool) -> None:
    escape = Escape()
    assert b"".join(escape.feed(keys) for keys in typed) == sent
    assert escape.is_close is is_close


@pytest.mark.parametrize(
    ("ending", "status"),
    [(Ending(0), 0), (Ending(7), 7), (Ending(None, "KILL"), 137), (Ending(None, "X"), 128), (Ending(), 3)],
)
def test_the_status_is_the_remote_shells(ending: Ending, status: int) -> None:
    assert exit_status(ending) == status
