"""Starts a worker of a node by its job, so that one that never gets to run leaves no coroutine behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from textual.dom import DOMNode


def start_work(node: DOMNode, job: Callable[[], Awaitable[None]], group: str, *, exclusive: bool = True) -> None:
    """Run ``job`` as a worker of ``node``; with ``exclusive`` the group's present one is cancelled first."""
    node.run_worker(cast("Any", job), name=group, group=group, exclusive=exclusive)
