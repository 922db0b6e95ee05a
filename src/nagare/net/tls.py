"""The TLS context of an outbound connection."""

from __future__ import annotations

import ssl

from nagare.errors import ConfigError
from nagare.lib.plain_text import plain
from nagare.net.causes import os_cause
from nagare.net.trust import Trust


def make_tls(trust: Trust) -> ssl.SSLContext:
    """Return what verifies the server: the pin's owner compares the certificate itself. Raises ConfigError."""
    if trust.pin:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    try:
        return ssl.create_default_context(cafile=trust.ca_file)
    except ssl.SSLError as error:
        cause = f"it holds no certificate ({plain(error.reason or '', 100).lower()})"
        raise ConfigError(f"cannot read certificate authority {trust.ca_file}: {cause}") from error
    except OSError as error:
        raise ConfigError(f"cannot read certificate authority {trust.ca_file}: {os_cause(error)}") from error
