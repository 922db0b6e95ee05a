"""The child process of ``discovery``: the only module that loads zeroconf.

``python -m nagare.net.zeroconf_child announce|discover`` reads one JSON line, and answers with one line on stdout:
``ready``, a JSON list of what was found, or a reason. It ends when its input closes, so it never outlives its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import sys
from collections.abc import Sequence

from zeroconf import Error, InterfaceChoice, ServiceStateChange, Zeroconf
from zeroconf import get_all_addresses as all_ipv4  # type: ignore[attr-defined]  # public, but outside __all__
from zeroconf import get_all_addresses_v6 as all_ipv6  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from nagare.errors import NagareError
from nagare.net.discovery import Announcement, Search
from nagare.wire.codec import decode, encode

SERVICE = "_nagare._tcp.local."
_ASK_MS = 2000
# More than one network of one owner has; a flood of claims must not fill the memory.
_FOUND_LIMIT = 100
# RFC 6763: an instance name has 63 bytes; a part is left for the number that a conflict adds.
_NAME_LIMIT = 50


async def announce(announcement: Announcement) -> None:
    """Announce until the input closes."""
    async with AsyncZeroconf(interfaces=_interfaces(announcement.interfaces)) as zeroconf:
        name = re.sub(r"[^A-Za-z0-9_ -]", "-", announcement.name)[:_NAME_LIMIT] or "nagare"
        service = AsyncServiceInfo(
            SERVICE,
            f"{name}.{SERVICE}",
            port=announcement.port,
            properties=dict(announcement.properties),
            parsed_addresses=announcement.interfaces or _addresses(),
            server=f"{re.sub('[ _.]', '-', name)}.local.",
        )
        await (await zeroconf.async_register_service(service, allow_name_change=True))
        _say(b"ready")
        await _input_end()
        await (await zeroconf.async_unregister_service(service))


async def discover(search: Search) -> None:
    """Ask, collect what answers for some seconds, and tell it."""
    names: dict[str, None] = {}

    def note(*, name: str, state_change: ServiceStateChange, **_: object) -> None:
        if state_change is ServiceStateChange.Added and len(names) < _FOUND_LIMIT:
            names[name] = None

    async with AsyncZeroconf(interfaces=_interfaces(search.interfaces)) as zeroconf:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[note])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(search.seconds):
                await _input_end()
        await browser.async_cancel()
        claims = [await _claim(zeroconf.zeroconf, name) for name in names]
    _say(encode([claim for claim in claims if claim]))


async def _claim(zeroconf: Zeroconf, name: str) -> dict[str, str] | None:
    service = AsyncServiceInfo(SERVICE, name)
    if not await service.async_request(zeroconf, _ASK_MS) or not service.port:
        return None
    said = {key: value or "" for key, value in service.decoded_properties.items()}
    host = _best_address(service.parsed_scoped_addresses())
    scheme = "https" if said.get("tls") == "1" or said.get("pin") else "http"
    return {
        "url": f"{scheme}://{host}:{service.port}",
        "pin": said.get("pin", ""),
        "name": name.removesuffix(f".{SERVICE}"),
    }


def _best_address(addresses: Sequence[str]) -> str:
    """Return an address for a URL; IPv4 first, because scoped IPv6 addresses do not belong in one."""
    ordered = sorted(addresses, key=lambda text: ipaddress.ip_address(text.partition("%")[0]).version)
    first = ordered[0] if ordered else ""
    return f"[{first.partition('%')[0]}]" if ":" in first else first


def _addresses() -> list[str]:
    known = [*all_ipv4(), *(address for (address, _, _), _ in all_ipv6())]
    parsed = {ipaddress.ip_address(text.partition("%")[0]) for text in known}
    return [str(address) for address in parsed if not address.is_loopback and not address.is_link_local]


def _interfaces(chosen: Sequence[str]) -> InterfaceChoice | list[str]:
    return list(chosen) if chosen else InterfaceChoice.All


async def _input_end() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def main() -> int:
    """Run the task named on the command line."""
    task = sys.argv[1] if len(sys.argv) > 1 else ""
    message = sys.stdin.buffer.readline()
    try:
        if task == "announce":
            asyncio.run(announce(decode(message, Announcement)))
        else:
            asyncio.run(discover(decode(message, Search)))
    except (Error, OSError, NagareError) as error:
        _say(str(error).encode(errors="replace").splitlines()[0] if str(error) else type(error).__name__.encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
