"""What a dashboard behind a page may still touch once it has begun: the code that it runs, how to look names up, and its server.

A bug in what draws foreign text must not become a way to the server's files. Where the kernel has no Landlock the other bounds
stand alone.
"""

from __future__ import annotations

import mimetypes
import os
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from nagare.errors import ConfigError
from nagare.lib.landlock import Fence, restrict
from nagare.wire.ui import HandOver

# Libraries and zones, how names of hosts are looked up, authorities and kinds of files; nothing of it is secret.
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/services",
    "/run/systemd/resolve",
    # Keys of hosts, which shells are checked against.
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/crypto-policies",
    *mimetypes.knownfiles,
    "/dev/urandom",
    "/proc/self",
)
_PORTS = {"http": 80, "https": 443}


def put_fence(told: HandOver) -> bool:
    """Give up all else for good; False where the kernel cannot. Raises ConfigError when it should and did not.

    To be called before anything has threads of its own: they would stay outside.
    """
    if told.has_shells:
        # As it is imported, the library of SSH looks for another one by programs and files that are out of reach inside.
        import_module("nagare.ssh.session")
    try:
        return restrict(fence_of(told))
    except OSError as error:
        raise ConfigError(f"cannot fence the dashboard: {(error.strerror or str(error)).lower()}") from error


def fence_of(told: HandOver) -> Fence:
    """Return what is left to a dashboard that was told that. One with shells may connect anywhere: hosts have ports of their own."""
    places = [sys.prefix, sys.base_prefix, *(place for place in sys.path if os.path.isabs(place)), *_SYSTEM]  # noqa: PTH117  texts as the interpreter has them
    readable = [Path(place) for place in dict.fromkeys(places)]
    if told.host_authority:
        readable.append(Path(told.host_authority))
    return Fence(readable, writable=[Path(os.devnull)], ports=None if told.has_shells else [_port_of(told.url)])


def _port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or _PORTS.get(parts.scheme, 443)
