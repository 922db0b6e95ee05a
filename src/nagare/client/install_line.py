"""The line that makes a machine a host: pasted into its shell, it fetches the server's script and runs it."""

from __future__ import annotations

import base64
import shlex
from ipaddress import ip_address
from urllib.parse import urlsplit

from nagare.wire.codec import decode
from nagare.wire.joining import JoinAddress


def install_line(token: str) -> str:
    """Return the line for a join token as it was minted; empty where the script would come over the net in clear."""
    _, _, address = token.partition(".")
    found = decode(base64.urlsafe_b64decode(address + "=" * (-len(address) % 4)), JoinAddress)
    is_https = found.url.startswith("https:")
    if not is_https and not _is_loopback(urlsplit(found.url).hostname or ""):
        return ""
    options = ""
    if is_https and found.pin:
        # The key is the one of the pin or curl takes nothing; which authority signed it says nothing more.
        options = f"k --pinnedpubkey sha256//{base64.b64encode(bytes.fromhex(found.pin)).decode()}"
    script = shlex.quote(f"{found.url.rstrip('/')}/install.sh")
    return f"curl -fsS{options} {script} | NAGARE_JOIN_TOKEN={shlex.quote(token)} sh"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
