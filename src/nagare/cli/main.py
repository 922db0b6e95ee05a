"""The entry point: runs one command and turns whatever happens into words on stderr and an exit status.

The only place of the command line that catches everything. It imports typer and the standard library; commands import
what they need when they run.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from nagare.cli import exit_codes
from nagare.cli.console import diagnostics
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.plugin import is_plugin
from nagare.cli.console.registry import LazyGroup, build
from nagare.errors import InputError, NagareError, PermissionDeniedError, StorageError

_COMPLETION_VARIABLE = "_NAGARE_COMPLETE"


def main(args: Sequence[str] | None = None) -> int:
    """Run ``nagare`` with ``args`` (the process's own when None) and return its exit status."""
    arguments = list(sys.argv[1:] if args is None else args)
    _prepare_streams()
    if is_plugin(arguments):
        return _run_plugin(arguments)
    return _run_and_tell(arguments, Invocation())


def _run_plugin(arguments: list[str]) -> int:
    """Run what answers as a monitoring plugin: its own status, and for every failure UNKNOWN with the reason on stdout."""
    from nagare.cli.console.plugin import UNKNOWN, guard, unknown

    guard()
    try:
        status = _run(arguments, Invocation())
        _flush()
    except BrokenPipeError:
        _abandon_stdout()
        status = UNKNOWN
    except NagareError as error:
        status = unknown(error)
    except OSError as error:
        status = unknown(_refused_by_system(error) if error.filename is not None else _bug(error, arguments))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  as in _run_and_tell
        status = unknown(_bug(error, arguments))
    return status


def _run_and_tell(arguments: list[str], invocation: Invocation) -> int:
    try:
        status = _run(arguments, invocation)
        _flush()
    except BrokenPipeError:
        _abandon_stdout()
        status = exit_codes.BROKEN_PIPE
    except KeyboardInterrupt:
        status = _interrupted()
    except UnicodeEncodeError as error:
        # Only what was typed can hold it: bytes that are no text of this locale.
        diagnostics.report(_not_text(error), as_json=_wants_json(arguments, invocation))
        status = exit_codes.USAGE
    except NagareError as error:
        diagnostics.report(error, as_json=_wants_json(arguments, invocation))
        status = exit_codes.exit_code_of(error)
    except OSError as error:
        if error.filename is None:
            _report_bug(error, arguments, invocation)
            status = exit_codes.INTERNAL
        else:
            refused = _refused_by_system(error)
            diagnostics.report(refused, as_json=_wants_json(arguments, invocation))
            status = exit_codes.exit_code_of(refused)
    except Exception as error:  # noqa: BLE001  the last place that can turn a bug into a status
        _report_bug(error, arguments, invocation)
        status = exit_codes.INTERNAL
    return status


def _interrupted() -> int:
    if sys.stderr is not None and sys.stderr.isatty():
        # The terminal wrote ^C; the shell's prompt belongs on a line of its own.
        diagnostics.note("")
    return exit_codes.INTERRUPTED


def _prepare_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Data in a pipe or a file is UTF-8 whatever the locale; a terminal gets what it can show.
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace" if stream.isatty() else "backslashreplace")


def _run(arguments: list[str], invocation: Invocation) -> int:
    group = build()
    _complete_shell(group, invocation)
    if not arguments:
        arguments = ["--help"]
    try:
        with group.make_context("nagare", arguments, obj=invocation) as context:
            group.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return _interrupted()
    except typer.TyperException as error:
        raise _usage_error(error) from error
    return exit_codes.FINE


def _complete_shell(group: LazyGroup, invocation: Invocation) -> None:
    from nagare.config.surroundings import variable

    if variable(_COMPLETION_VARIABLE):
        # Prints what the shell asked for and ends the process.
        group.main(prog_name="nagare", complete_var=_COMPLETION_VARIABLE, obj=invocation)


def _usage_error(error: typer.TyperException) -> InputError:
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "nagare"
    possibilities = getattr(error, "possibilities", None)
    text = error.format_message() if not possibilities else error.message
    text = text.strip().rstrip(".").replace("\n\t", " ")
    hint = f"did you mean {' or '.join(sorted(possibilities))}?" if possibilities else f"see {path} --help"
    return InputError(f"cannot run {path}: {text[:1].lower()}{text[1:]}", hint=hint)


def _not_text(error: UnicodeEncodeError) -> InputError:
    return InputError(f"cannot read argument {error.object[:60]!r}: not UTF-8", hint="set LANG to a UTF-8 locale")


def _refused_by_system(error: OSError) -> NagareError:
    reason = (error.strerror or "refused").lower()
    # The second name is what a finished temporary file was to become.
    text = f"cannot use {error.filename2 or error.filename}: {reason}"
    if isinstance(error, PermissionError):
        return PermissionDeniedError(text, hint="run it as the user that owns the file, or choose --data")
    return StorageError(text)


def _wants_json(arguments: list[str], invocation: Invocation) -> bool:
    if invocation.output is not None:
        return invocation.wants_json_errors
    # The line did not parse far enough to say so.
    joined = " ".join(arguments)
    return "--json" in arguments or any(
        f"{option}{value}" in joined
        for option in ("-o ", "-o", "--output ", "--output=")
        for value in (OutputFormat.JSON, OutputFormat.NDJSON)
    )


def _bug(error: BaseException, arguments: list[str]) -> NagareError:
    if "--debug" in arguments:
        import traceback

        diagnostics.note("".join(traceback.format_exception(error)))
    return NagareError(
        f"cannot go on: {type(error).__name__} where none should be, a bug of ours",
        hint="run it again with --debug and report what it prints",
    )


def _report_bug(error: Exception, arguments: list[str], invocation: Invocation) -> None:
    bug = _bug(error, [*arguments, "--debug"] if invocation.is_debug else arguments)
    if "logging" in sys.modules:
        import logging

        # A service has a log, and nobody who could run it again with --debug.
        if logging.getLogger().handlers:
            logging.getLogger("nagare.cli").error("unexpected_error", exc_info=error)
    diagnostics.report(bug, as_json=_wants_json(arguments, invocation))


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _abandon_stdout() -> None:
    # The interpreter flushes stdout once more at its end; that must not fail a second time.
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
