"""``nagare rules test``: says which tests of rules are as expected, and what differs in the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from nagare.cli.console.diagnostics import ProgressLine, note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_rows
from nagare.cli.exit_codes import BAD, FINE
from nagare.cli.offline.rules_trial import Outcome, read_trials, run_trial
from nagare.config.alert_rules.load import TEST_SUFFIX
from nagare.errors import InputError


def test_rules(invocation: Invocation, paths: Sequence[Path]) -> int:
    """Run the tests in ``paths``, files and folders, and return the exit status. Raises ConfigError, InputError."""
    with contextlib.closing(ProgressLine(is_quiet=invocation.is_quiet)) as line:
        outcomes = asyncio.run(_run_all(_files(paths), line))
    _write(invocation, outcomes)
    failed = sum(1 for one in outcomes if one.differences)
    if not invocation.is_quiet:
        count = f"{len(outcomes)} {'test' if len(outcomes) == 1 else 'tests'}"
        note(f"nagare: {count}, {failed} failed" if failed else f"nagare: {count}, all as expected")
    return BAD if failed else FINE


def _files(paths: Sequence[Path]) -> list[Path]:
    found = list[Path]()
    for path in paths:
        inside = sorted(path.glob(f"*{TEST_SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"cannot test rules of {path}: no file in it ends with {TEST_SUFFIX}")
        found += inside
    return found


async def _run_all(files: Sequence[Path], line: ProgressLine) -> list[Outcome]:
    read = [(path, *read_trials(path)) for path in files]
    outcomes = list[Outcome]()
    for path, found, rules in read:
        for place, trial in enumerate(found.trials):
            line.show(f"{path.name}: {trial.name or trial.rule} ({place + 1} of {len(found.trials)})")
            outcomes.append(await run_trial(str(path), trial, rules, place))
    return outcomes


def _write(invocation: Invocation, outcomes: Sequence[Outcome]) -> None:
    names = ("file", "test", "rule", "outcome", "differences")
    if invocation.format is not OutputFormat.TABLE:
        rows = [(one.file, one.name, one.rule, _outcome(one), list(one.differences)) for one in outcomes]
        write_rows(invocation, Rows(names, rows))
        return
    write_rows(invocation, Rows(names[:4], [(one.file, one.name, one.rule, _outcome(one)) for one in outcomes]))
    for one in outcomes:
        for text in one.differences:
            note(f"  {one.name}: {text}")


def _outcome(one: Outcome) -> str:
    return "failed" if one.differences else "ok"
