"""Runs a long-lived service as this process: logging, the parent's watch, the fast event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from nagare.cli.console.invocation import Invocation
from nagare.cli.console.parent import watch_parent
from nagare.cli.console.reload import reload_on_hangup
from nagare.config.reloads import Reloads
from nagare.config.settings import Settings
from nagare.lib.log_setup import set_up_logging


def run_service(
    invocation: Invocation,
    service: Callable[[Settings], Coroutine[Any, Any, None]],
    *,
    parent_fd: int | None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    reloads: Reloads | None = None,
) -> None:
    """Run ``service`` until it ends by itself or by a signal that it answers itself; ``reloads`` hears of SIGHUP."""
    settings = invocation.settings
    set_up_logging(settings.log.level, settings.log.format)
    if parent_fd is not None:
        watch_parent(parent_fd)
    with reload_on_hangup(invocation, reloads), asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(service(settings))
