"""What pages about hosts share: running an action on those that are marked, or on the one under the cursor."""

from __future__ import annotations

from nagare.tui.actions import ACTIONS
from nagare.tui.screens.page import Page

# What else can be done about the host under the cursor.
_OWN = ("diagnose", "shell.open")


class RunVerb(Page):
    """Mixed into pages where hosts can be chosen."""

    def targets(self) -> list[str]:
        """Return the hosts that an action is for."""
        host = self.host_at_cursor()
        return [host] if host else []

    def do_run(self) -> None:
        """Compose a command for them."""
        from nagare.tui.composing import compose_command  # noqa: PLC0415  loaded when shown

        verbs = [ACTIONS[verb] for verb in _OWN if self.can(verb) and not self.why_not(verb)]
        compose_command(self.top, " ".join(self.targets()), verbs)
