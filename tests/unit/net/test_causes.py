import errno
import socket
import ssl

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
        (ssl.SSLEOFError(8, "EOF occurred"), "the connection was closed"),
        (OSError("some \x1b words"), "some ␛ words"),
    ],
)
def test_the_cause_is_the_systems_word(error: OSError, cause: str) -> None:
    assert os_cause(error) == cause


def test_a_number_of_the_tls_library_is_not_read_as_one_of_the_system() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)")
    error.reason = "WRONG_VERSION_NUMBER"
    assert os_cause(error) == "no TLS connection could be made (wrong version number)"
