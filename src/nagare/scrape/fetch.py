"""Gets the page of a target over the network: credentials, headers, deadline, status."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from nagare.config.settings import ScrapeJob
from nagare.errors import ConfigError, DeadlineExceededError, OverloadedError, UnavailableError
from nagare.net.bare import Hold
from nagare.net.pull import Puller
from nagare.net.trust import Trust
from nagare.scrape.page import Page
from nagare.scrape.targets import Target

# What Prometheus asks for; exporters choose by it.
_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
# A token or a password; a longer file was given by mistake.
_SECRET_LIMIT_BYTES = 64 * 1024
# Pages that are held at one time, as sent: hundreds of usual ones, and no crowd of giants can take all memory.
HELD_LIMIT_BYTES = 128 * 2**20


class Fetcher:
    """Fetches pages; ``async with`` owns the connections, one set for each certificate authority."""

    def __init__(self, threads: Executor) -> None:
        """Keep the threads that read the files of credentials."""
        self._threads = threads
        self._stack = AsyncExitStack()
        self._pullers: dict[Path | None, Puller] = {}
        self._held_bytes = 0

    async def __aenter__(self) -> Self:
        """Enter; connections open at first use."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._pullers.clear()
        await self._stack.aclose()

    @asynccontextmanager
    async def fetched(self, target: Target) -> AsyncIterator[Page]:
        """Hold the page for the time of the block.

        Raises ConfigError (credentials), DeadlineExceededError, UnavailableError, BodyTooLargeError.
        """
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            if self._held_bytes + count > HELD_LIMIT_BYTES:
                raise OverloadedError(f"cannot scrape {target.url}: pages of {HELD_LIMIT_BYTES} bytes are held already")
            held += count
            self._held_bytes += count

        try:
            yield await self._fetch(target, hold)
        finally:
            self._held_bytes -= held

    async def _fetch(self, target: Target, hold: Hold) -> Page:
        settings = target.settings
        puller = await self._puller(settings.ca_file)
        headers = {
            "Accept": _ACCEPT,
            "X-Prometheus-Scrape-Timeout-Seconds": f"{settings.deadline_seconds:g}",
            **await self._credentials(settings),
        }
        try:
            async with asyncio.timeout(settings.deadline_seconds):
                answer = await puller.fetch(
                    target.url, headers=headers, limit_bytes=settings.body_limit_bytes, hold=hold
                )
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"cannot scrape {target.url}: no whole answer within {settings.deadline_seconds:g} s"
            ) from error
        if answer.status != 200:
            raise UnavailableError(f"cannot scrape {target.url}: it answered with status {answer.status}")
        found = answer.headers
        return Page(answer.body, found.get("content-encoding", ""), found.get("content-type", ""))

    async def _puller(self, ca_file: Path | None) -> Puller:
        if ca_file not in self._pullers:
            self._pullers[ca_file] = await self._stack.enter_async_context(Puller(Trust(ca_file)))
        return self._pullers[ca_file]

    async def _credentials(self, settings: ScrapeJob) -> Mapping[str, str]:
        path = settings.bearer_token_file or settings.password_file
        if path is None:
            return {}
        secret = await asyncio.get_running_loop().run_in_executor(self._threads, _read_secret, path)
        if settings.bearer_token_file is not None:
            return {"Authorization": f"Bearer {secret}"}
        pair = base64.b64encode(f"{settings.username}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


def _read_secret(path: Path) -> str:
    try:
        with path.open("rb") as file:
            secret = file.read(_SECRET_LIMIT_BYTES).decode().strip()
    except OSError as error:
        raise ConfigError(f"cannot read credentials {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read credentials {path}: not UTF-8") from error
    # A line break inside would end the header.
    if not secret or not secret.isprintable():
        raise ConfigError(f"cannot read credentials {path}: it must hold one line of text")
    return secret
