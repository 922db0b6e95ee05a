"""The rules that hold: the shipped ones, those that came by the API, and those of the installation's folder.

Of one name the later counts. Files are read again when one changes; a file with a fault changes nothing: what held before holds
on, and the fault is told until it is mended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from nagare.alerting.rules.kept_store import Kept
from nagare.config.alert_rules.load import load_rules, marks_of
from nagare.errors import ConfigError
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.monitor import Monitor
from nagare.model.alert.rule import Rule, RuleOrigin
from nagare.model.alert.webhook import Webhook

log = logging.getLogger(__name__)


class RuleBook:
    """The rules by name."""

    def __init__(self, folder: Path | None, *, shipped: bool = True) -> None:
        """Read the rules of files. Raises ConfigError: a server with rules that nobody can read does not start."""
        self._folder = folder
        self._shipped = shipped
        self._marks = marks_of(folder)
        # Guards _files, _kept and rules, for files are read on another thread; held for moments.
        self._lock = threading.Lock()
        self._files = load_rules(folder, shipped=shipped)
        self._kept = Kept()
        self.rules: Mapping[str, Rule] = self._files.rules
        self.inhibitions: Sequence[Inhibition] = self._files.inhibitions
        self.webhooks: Mapping[str, Webhook] = self._files.webhooks
        self.monitors: Mapping[str, Monitor] = self._files.monitors
        self.fault = ""

    @property
    def kept(self) -> Kept:
        """The rules by the API, also those whose name a file has."""
        return self._kept

    @property
    def names(self) -> Collection[str]:
        """The rules that are there, also those by the API that nobody can read: nobody knows that their alerts are over."""
        broken = self._kept.broken
        return self.rules.keys() | broken.keys() if broken else self.rules.keys()

    @property
    def not_held(self) -> Mapping[str, str]:
        """Which rules by the API do not hold, by name, and why."""
        files = self._files
        told = {name: f"{files.rules[name].origin} has it" for name in self._kept.rules if name in files.own}
        told |= dict.fromkeys(self._kept.broken, "what the records have of it cannot be read")
        return MappingProxyType(dict(sorted(told.items())))

    def origin_of(self, name: str) -> RuleOrigin:
        """Return where the rule of that name comes from; one that is not there would come from the API."""
        if name in self._files.own:
            return RuleOrigin.FILE
        if name in self._kept.rules or name not in self._files.rules:
            return RuleOrigin.API
        return RuleOrigin.SHIPPED

    def take(self, kept: Kept) -> bool:
        """Put those that came by the API in the place of those before; tell whether other rules hold now."""
        with self._lock:
            self._kept = kept
            return self._join()

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
        with self._lock:
            changed = found != self._files
            self._files = found
            self._join()
        self.inhibitions, self.webhooks, self.monitors = found.inhibitions, found.webhooks, found.monitors
        if changed:
            log.info("rules_read count=%d", len(found.rules))
        return changed

    def _join(self) -> bool:
        files = self._files
        kept = {name: one.rule for name, one in self._kept.rules.items() if name not in files.own}
        joined = dict(sorted({**files.rules, **kept}.items())) if kept else files.rules
        changed = joined != self.rules
        self.rules = joined
        return changed
