"""Who follows a task: woken when it changes here; where another server runs it, the records are asked now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nagare.model.task import Task


@dataclass(slots=True, eq=False)
class Follower:
    """One follower: the newest it was told of, and why it must end, empty while it need not."""

    principal_id: str
    newest: Task | None = None
    ending: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, reason: str) -> None:
        """Ask it to end."""
        self.ending = self.ending or reason
        self.news.set()

    async def wait(self, seconds: float) -> bool:
        """Tell whether there are news within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return False
        self.news.clear()
        return True


class Followers:
    """All of them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of: dict[str, set[Follower]] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[Follower]:
        """Yield every one."""
        for followers in list(self._of.values()):
            yield from list(followers)

    @contextmanager
    def follow(self, task_id: str, principal_id: str) -> Iterator[Follower]:
        """Give a follower of a task for as long as the block lasts."""
        follower = Follower(principal_id)
        self._of.setdefault(task_id, set()).add(follower)
        try:
            yield follower
        finally:
            self._of[task_id].discard(follower)
            if not self._of[task_id]:
                del self._of[task_id]

    def changed(self, task: Task) -> None:
        """Tell the followers of ``task`` how it is now."""
        for follower in self._of.get(task.id, ()):
            if follower.newest is None or task.revision >= follower.newest.revision:
                follower.newest = task
                follower.news.set()
