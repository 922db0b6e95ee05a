"""Reads the rules that are shipped, and the user's own from a folder; every fault is told with file and field.

Blocking, and small.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from nagare.config.files import ConfigFile, parse_toml, read_file
from nagare.errors import ConfigError, InputError
from nagare.model.alert.definition import RuleFile, parse_rules
from nagare.model.alert.inhibition import Inhibition
from nagare.model.alert.monitor import Monitor
from nagare.model.alert.rule import Rule
from nagare.model.alert.webhook import Webhook

_SUFFIX = ".toml"
# Tests of rules stand beside them and are no rules.
TEST_SUFFIX = ".test.toml"
_SHIPPED = "shipped"
_FILES_LIMIT = 500
RULES_LIMIT = 5000
D = TypeVar("D", Rule, Webhook, Monitor)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules by name, which alerts hold which back, the mappings of webhooks by name, and the monitors by source.

    ``own`` has the names of those rules that stand in files of the folder.
    """

    rules: Mapping[str, Rule]
    inhibitions: tuple[Inhibition, ...]
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    monitors: Mapping[str, Monitor] = field(default_factory=dict)
    own: frozenset[str] = frozenset()


def load_rules(folder: Path | None = None, *, shipped: bool = True) -> Rules:
    """Return the shipped rules and those in ``folder``. Raises ConfigError that names the fault.

    A rule or an inhibition of the folder that has the name of a shipped one stands in its place.
    """
    own = _joined([read_rules(read_file(path)) for path in own_files(folder)] if folder else [])
    base = shipped_rules() if shipped else Rules({}, ())
    rules = {**base.rules, **own.rules}
    if len(rules) > RULES_LIMIT:
        raise ConfigError(f"cannot use rules: there are {len(rules)}, {RULES_LIMIT} at the most")
    inhibitions = {one.name: one for one in (*base.inhibitions, *own.inhibitions)}
    return Rules(
        dict(sorted(rules.items())), tuple(inhibitions.values()), own.webhooks, own.monitors, frozenset(own.rules)
    )


@cache
def shipped_rules() -> Rules:
    """Return what comes with the package, also where that is a zip; read once, for it does not change while it runs."""
    entries = files("nagare.config.alert_rules").joinpath(_SHIPPED).iterdir()
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in entries if entry.name.endswith(_SUFFIX)}
    return _joined([read_rules(parse_toml(Path(_SHIPPED, name), text)) for name, text in sorted(texts.items())])


def _joined(read: Iterable[RuleFile]) -> Rules:
    rules: dict[str, Rule] = {}
    webhooks: dict[str, Webhook] = {}
    monitors: dict[str, Monitor] = {}
    inhibitions: list[Inhibition] = []
    for file in read:
        for rule in file.rules:
            _add("rule", rules, rule)
        for webhook in file.webhooks:
            _add("webhook", webhooks, webhook)
        for monitor in file.monitors:
            _add(monitor.kind.value, monitors, monitor)
        inhibitions += file.inhibitions
    return Rules(rules, tuple(inhibitions), webhooks, _by_source(monitors.values()))


def _add(what: str, known: dict[str, D], one: D) -> None:
    if one.name in known:
        raise ConfigError(
            f"cannot use {what} {one.name} of {one.origin}: it is in {known[one.name].origin} too",
            hint="give it another name",
        )
    known[one.name] = one


def _by_source(monitors: Iterable[Monitor]) -> Mapping[str, Monitor]:
    found: dict[str, Monitor] = {}
    for one in monitors:
        if (other := found.setdefault(one.source, one)) is not one:
            raise ConfigError(
                f"cannot use {one.kind.value} {one.name} of {one.origin}: its alerts would be those of {other.name}",
                hint="give each a key of its own, and name it in key",
            )
    return found


def own_files(folder: Path) -> list[Path]:
    """Return the rule files in ``folder``, in order. Raises ConfigError."""
    try:
        found = sorted(path for path in folder.iterdir() if _is_rule_file(path))
    except OSError as error:
        raise ConfigError(
            f"cannot read folder of rules {folder}: {(error.strerror or str(error)).lower()}",
            hint="make it, or leave alerts.rules unset",
        ) from error
    if len(found) > _FILES_LIMIT:
        raise ConfigError(f"cannot use folder of rules {folder}: {len(found)} files, {_FILES_LIMIT} at the most")
    return found


def _is_rule_file(path: Path) -> bool:
    return path.suffix == _SUFFIX and not path.name.endswith(TEST_SUFFIX)


def marks_of(folder: Path | None) -> Mapping[str, tuple[int, int, int]]:
    """Return by file what changes when it is written; empty when the folder cannot be read."""
    marks = {}
    try:
        for path in folder.iterdir() if folder else ():
            if _is_rule_file(path):
                stat = path.stat()
                marks[str(path)] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    except OSError:
        return {}
    return marks


def read_rules(file: ConfigFile) -> RuleFile:
    """Return what ``file`` defines. Raises ConfigError."""
    try:
        return parse_rules(file.tables, file.path.name)
    except InputError as error:
        raise ConfigError(
            f"cannot use rule file {file.path}: {'; '.join(_told(fault) for fault in error.errors)}",
            hint="the fields of rule files stand in docs/reference/rules.md",
        ) from error


def _told(fault: Mapping[str, str]) -> str:
    return f"{fault['pointer'].removeprefix('#/').replace('/', '.')}: {fault['detail']}"
