"""Rules that are kept at the server: files of rules saved there, with what changes, and written out again."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nagare.cli.alerts.shown import document_of, write_documents
from nagare.cli.console.calls import call
from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD, FINE
from nagare.config.alert_rules.load import own_files, read_rules
from nagare.config.alert_rules.write import rules_toml
from nagare.config.files import read_file
from nagare.errors import InputError, NotFoundError
from nagare.lib.units import format_seconds
from nagare.model.alert.rule import RuleOrigin
from nagare.model.alert.written import written

if TYPE_CHECKING:
    from nagare.client.alerts import RuleCalls
    from nagare.client.client import Client
    from nagare.wire.alerts import RuleCheck, RuleView

T = TypeVar("T")
_PIECE = 20
_COLUMNS = ("rule", "change", "outcome", "rows", "firing", "alerts", "active", "flaps", "looks", "step", "text")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule of a file beside the one of its name at the server, None where there is none."""

    definition: dict[str, Any]
    before: RuleView | None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.definition["name"])

    @property
    def revision(self) -> int | None:
        """The revision of what came by the API before."""
        return self.before.revision if self.before is not None else None

    @property
    def change(self) -> str:
        """What saving it would do: new, changed or same."""
        if self.before is None:
            return "new"
        return "same" if self.before.definition == self.definition else "changed"

    def diff(self) -> Iterator[str]:
        """Yield what would change, line by line."""
        old = [] if self.before is None else rules_toml([self.before.definition]).splitlines()
        place = f"{self.name} ({_place(self.before)})" if self.before is not None else "nothing"
        yield from difflib.unified_diff(
            old, rules_toml([self.definition]).splitlines(), place, f"{self.name} (to be saved)", n=2, lineterm=""
        )


def save_rules(invocation: Invocation, paths: Sequence[Path]) -> None:
    """Save the rules of files. Raises ConfigError, InputError for one that cannot be judged: then none is saved."""
    definitions = _definitions(paths)

    async def work(calls: RuleCalls) -> list[RuleView]:
        wanted = [Wanted(one, await _find(calls, one["name"])) for one in definitions]
        changed = [one for one in wanted if one.change != "same"]
        _refuse_bad(await _checked(calls, changed, None))
        return [await _save(invocation, calls, one) for one in changed]

    saved = _call(invocation, work)
    if invocation.wants_json_errors:
        write_documents(invocation, saved)
    elif not invocation.is_quiet and len(saved) < len(definitions):
        note(f"nagare: {len(definitions) - len(saved)} of {len(definitions)} rules are there already as they are")


def check_saving(invocation: Invocation, paths: Sequence[Path], since_ms: int) -> int:
    """Show what saving the rules of files would change, and what they would have made of the past; return the exit status."""
    definitions = _definitions(paths)

    async def work(calls: RuleCalls) -> tuple[list[Wanted], list[RuleCheck]]:
        wanted = [Wanted(one, await _find(calls, one["name"])) for one in definitions]
        return wanted, await _checked(calls, wanted, since_ms)

    wanted, checks = _call(invocation, work)
    for one in wanted if not invocation.is_quiet else ():
        _tell_change(one)
    if invocation.format is OutputFormat.TABLE:
        rows = [_row(one, check) for one, check in zip(wanted, checks, strict=True)]
        write_rows(invocation, Rows(_COLUMNS, rows))
    else:
        documents = [{"change": one.change, **document_of(check)} for one, check in zip(wanted, checks, strict=True)]
        write_rows(invocation, Rows(list(documents[0]), [list(one.values()) for one in documents]))
    return BAD if any(check.outcome == "bad" for check in checks) else FINE


def delete_rules(invocation: Invocation, names: Sequence[str], revision: int | None) -> None:
    """Delete rules that came by the API. Raises NotFoundError, ConflictError, StaleVersionError."""
    if revision is not None and len(names) > 1:
        raise InputError("cannot delete rules: a revision is that of one rule", hint="name one rule")

    async def work(calls: RuleCalls) -> None:
        for name in dict.fromkeys(names):
            await calls.remove(name, revision)
            if not invocation.is_quiet:
                note(f"nagare: rule {name} is deleted; its alerts end in a minute or two")

    _call(invocation, work)


def export_rules(invocation: Invocation, names: Sequence[str]) -> None:
    """Write rules as a rule file. Raises NotFoundError."""

    async def work(calls: RuleCalls) -> list[RuleView]:
        return [await calls.rule(name) for name in dict.fromkeys(names)]

    sys.stdout.write(rules_toml(view.definition for view in _call(invocation, work)))


def _definitions(paths: Sequence[Path]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in [file for given in paths for file in (own_files(given) if given.is_dir() else [given])]:
        read = read_rules(read_file(path))
        if read.inhibitions or read.webhooks or read.monitors:
            raise InputError(
                f"cannot save {path}: it has more than rules",
                hint="inhibitions, webhooks and monitors stand in files of the server's folder, alerts.rules",
            )
        for rule in read.rules:
            if rule.name in found:
                raise InputError(f"cannot save rule {rule.name} of {path}: another file has it too")
            found[rule.name] = written(rule)
    if not found:
        raise InputError("cannot save rules: there is none in what is named")
    return list(found.values())


async def _find(calls: RuleCalls, name: str) -> RuleView | None:
    try:
        return await calls.rule(name)
    except NotFoundError:
        return None


async def _checked(calls: RuleCalls, wanted: Sequence[Wanted], since_ms: int | None) -> list[RuleCheck]:
    from nagare.wire.alerts import RuleCheckRequest

    # What is replayed is asked for one by one: each may take as long as one answer may.
    size = _PIECE if since_ms is None else 1
    found: list[RuleCheck] = []
    for start in range(0, len(wanted), size):
        piece = [one.definition for one in wanted[start : start + size]]
        found += await calls.check(RuleCheckRequest(piece, since_ms))
    return found


def _refuse_bad(checks: Sequence[RuleCheck]) -> None:
    bad = [check for check in checks if check.outcome == "bad"]
    if bad:
        more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise InputError(
            f"cannot save rule {bad[0].name}: {bad[0].fault}{more}",
            hint="nothing was saved; --check tells of each rule",
        )


async def _save(invocation: Invocation, calls: RuleCalls, wanted: Wanted) -> RuleView:
    from nagare.wire.alerts import RuleRequest

    # As it was read here: what somebody else changes meanwhile is not lost.
    request = RuleRequest(wanted.definition, wanted.revision, is_new=wanted.revision is None)
    saved = await calls.save(wanted.name, request)
    if not invocation.is_quiet:
        _tell_change(wanted)
        note(f"nagare: rule {wanted.name} is saved, revision {saved.revision}")
    return saved


def _tell_change(wanted: Wanted) -> None:
    for line in wanted.diff():
        note(line)


def _place(view: RuleView) -> str:
    return f"{view.origin}, shipped" if view.origin_kind == RuleOrigin.SHIPPED else view.origin


def _row(wanted: Wanted, check: RuleCheck) -> tuple[object, ...]:
    past = check.replay
    told: tuple[object, ...] = (None,) * 5
    if past is not None:
        active, step = format_seconds(past.active_seconds), format_seconds(past.step_seconds)
        told = (past.alerts, active, past.flaps, past.looks, step)
    text = check.fault or (past.fault if past is not None else "")
    return (wanted.name, wanted.change, check.outcome, check.rows, check.firing, *told, text)


def _call(invocation: Invocation, work: Callable[[RuleCalls], Awaitable[T]]) -> T:
    from nagare.client.alerts import RuleCalls

    async def run_call(client: Client) -> T:
        return await work(RuleCalls(client))

    return call(invocation.settings, run_call)
