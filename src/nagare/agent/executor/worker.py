"""The one thread of the executor for what blocks: its journal, its policy, the folders of its programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Runs blocking work in order, one piece at a time, so that nothing it touches needs a lock."""

    def __init__(self, name: str) -> None:
        """Prepare; the thread begins with the first piece of work."""
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Return what ``work`` returns. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*arguments, **named))

    def close(self) -> None:
        """Take no more work; what is being done ends by itself."""
        self._threads.shutdown(wait=False)
