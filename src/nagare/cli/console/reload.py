"""Takes up a changed configuration at SIGHUP: what can change at once does, the rest is told to need a new start.

Not where a terminal is watched: there the signal means that the terminal is gone, and ends the process as ever.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nagare.cli.console.invocation import Invocation
from nagare.config.changes import compare
from nagare.config.load import load_settings
from nagare.config.reloads import Reloads
from nagare.config.settings import Settings
from nagare.errors import NagareError
from nagare.lib.log_setup import set_log_level

log = logging.getLogger(__name__)


@contextmanager
def reload_on_hangup(invocation: Invocation, reloads: Reloads | None = None) -> Iterator[None]:
    """Answer SIGHUP inside the block, and give ``reloads`` what was taken up."""
    # nohup asked to ignore it, and the end of a terminal must be heard.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL or (sys.stderr is not None and sys.stderr.isatty()):
        yield
        return
    in_force = invocation.settings

    def take_up(_number: int, _frame: object) -> None:
        nonlocal in_force
        before, in_force = in_force, reload(in_force, invocation.flags)
        if reloads is not None and in_force is not before:
            reloads.tell(in_force)

    signal.signal(signal.SIGHUP, take_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def reload(in_force: Settings, flags: Mapping[str, Any]) -> Settings:
    """Read the configuration again and return what is in force now; one that cannot be used changes nothing."""
    try:
        wanted = load_settings(flags).settings
    except NagareError as error:
        log.error("reload_refused reason=%s", error.message)  # noqa: TRY400  the message says it all
        return in_force
    changes = compare(in_force, wanted)
    set_log_level(wanted.log.level)
    log.warning("settings_reloaded taken_up=%s need_a_restart=%s", ",".join(changes.live), ",".join(changes.restart))
    return replace(in_force, log=replace(in_force.log, level=wanted.log.level), scrape=wanted.scrape)
