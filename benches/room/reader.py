"""What the dashboard is measured beside: a client that reads the same frames, and shows nothing."""

import asyncio
import sys

from nagare.client.client import Client
from nagare.client.live import LiveFeed
from nagare.client.target import Target
from nagare.model.host_series import LIST_SERIES
from nagare.wire.live import Subscribe


async def _read(url: str, token: str) -> None:
    async with Client(Target(url, token)) as client:
        feed = LiveFeed(client)
        feed.subscribe(Subscribe("fleet", ("probe",), series=LIST_SERIES))
        async for _ in feed:
            pass


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1], sys.stdin.readline().strip()))
