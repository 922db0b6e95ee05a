"""What of the typed bytes is for this end and not for the host: ``~.`` after Enter closes, as in OpenSSH."""

from __future__ import annotations


class Escape:
    """Follows what is typed."""

    def __init__(self) -> None:
        """Begin at the begin of a line."""
        self._is_line_begin = True
        self._has_tilde = False
        self.is_close = False

    def feed(self, keys: bytes) -> bytes:
        """Return what goes to the host of ``keys``; ``~~`` at the begin of a line is one ``~``."""
        sent = bytearray()
        for key in keys:
            if self._has_tilde:
                self._has_tilde = False
                if key == ord("."):
                    self.is_close = True
                    break
                sent += b"~" if key == ord("~") else bytes([ord("~"), key])
            elif self._is_line_begin and key == ord("~"):
                self._has_tilde = True
                continue
            else:
                sent.append(key)
            self._is_line_begin = key in b"\r\n"
        return bytes(sent)
