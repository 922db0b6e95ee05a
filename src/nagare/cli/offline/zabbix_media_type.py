"""``nagare alerts zabbix-media-type``: the file that Zabbix imports. It needs no server."""

from __future__ import annotations

import sys

from nagare.errors import InputError
from nagare.interop.zabbix_media import media_type
from nagare.lib.plain_text import plain


def write_media_type(url: str) -> None:
    """Write it; ``url`` is this server's address, empty leaves it to a macro. Raises InputError for what is none."""
    if url and (not url.startswith(("http://", "https://")) or plain(url) != url or "@" in url or " " in url):
        raise InputError(
            f"cannot use --url {plain(url, 80)!r}: it is no address", hint="write https://nagare.example.com:8750"
        )
    sys.stdout.write(media_type(url))
