"""The rules that hold: the shipped ones and those of the installation's folder, read again when a file changes.

A file with a fault changes nothing: what held before holds on, and the fault is told until it is mended.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from nagare.config.alert_rules.load import Rules, load_rules, marks_of
from nagare.errors import ConfigError
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.monitor import Monitor
from nagare.model.alert.rule import Rule
from nagare.model.alert.webhook import Webhook

log = logging.getLogger(__name__)


class RuleBook:
    """The rules by name."""

    def __init__(self, folder: Path | None, *, shipped: bool = True) -> None:
        """Read the rules. Raises ConfigError: a server with rules that nobody can read does not start."""
        self._folder = folder
        self._shipped = shipped
        self._marks = marks_of(folder)
        found = load_rules(folder, shipped=shipped)
        self.rules: Mapping[str, Rule] = found.rules
        self.inhibitions: Sequence[Inhibition] = found.inhibitions
        self.webhooks: Mapping[str, Webhook] = found.webhooks
        self.monitors: Mapping[str, Monitor] = found.monitors
        self.fault = ""

    def refresh(self) -> bool:
        """Read again what changed; tell whether other rules hold now. Blocking."""
        marks = marks_of(self._folder)
        if marks == self._marks:
            return False
        self._marks = marks
        try:
            found = load_rules(self._folder, shipped=self._shipped)
        except ConfigError as error:
            if error.message != self.fault:
                log.warning("rules_not_read: %s", error.message)
            self.fault = error.message
            return False
        self.fault = ""
        changed = found != Rules(self.rules, tuple(self.inhibitions), self.webhooks, self.monitors)
        self.rules, self.inhibitions = found.rules, found.inhibitions
        self.webhooks, self.monitors = found.webhooks, found.monitors
        if changed:
            log.info("rules_read count=%d", len(found.rules))
        return changed
