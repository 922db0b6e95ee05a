"""Starts a worker of a node by its job, so that one that never gets to run leaves no coroutine behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from textual.dom import DOMNode

from nagare.errors import NagareError


def start_work(node: DOMNode, job: Callable[[], Awaitable[None]], group: str, *, exclusive: bool = True) -> None:
    """Run ``job`` as a worker of ``node``; with ``exclusive`` the group's present one is cancelled first."""
    node.run_worker(cast("Any", job), name=group, group=group, exclusive=exclusive)


def failure_text(error: BaseException) -> str:
    """Return what to say of a failure that ends only a part of the screen; what is no error of ours is named by its class."""
    # No words of a foreign error: they may hold values, secrets among them.
    return (
        error.message if isinstance(error, NagareError) else f"cannot go on: a bug in Nagare ({type(error).__name__})"
    )
