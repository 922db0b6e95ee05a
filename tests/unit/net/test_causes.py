import errno
import socket

import pytest

from nagare.net.causes import os_cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (ConnectionResetError(), "the connection was closed"),
        (BrokenPipeError(errno.EPIPE, "x"), "the connection was closed"),
        (socket.gaierror(-2, "Name or service not known"), "its name does not resolve (name or service not known)"),
        (OSError("some \x1b words"), "some ␛ words"),
    ],
)
def test_the_cause_is_the_systems_word(error: OSError, cause: str) -> None:
    assert os_cause(error) == cause
