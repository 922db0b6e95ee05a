"""What nagare stands on: Python, libraries, limits, and the terminal."""

from __future__ import annotations

import importlib.util
import locale
import os
import resource
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.surroundings import variable

_MODULES = (
    "aiohttp", "alembic", "cryptography", "duckdb", "msgspec", "numpy", "platformdirs", "psutil",
    "rich", "sqlalchemy", "textual", "typer", "uvloop", "zeroconf",
)  # fmt: skip
_LEAST_PYTHON = (3, 11)
# Segments, blocks, sockets and databases of a busy server.
_LEAST_FILES = 1024
_LEAST_SIZE = (80, 24)


def check_versions() -> Iterator[Check]:
    """Look at Python and the libraries."""
    text = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _LEAST_PYTHON:
        yield bad("python", f"{text} is too old", "install Python 3.11 or later")
    else:
        yield ok("python", f"{text} at {sys.executable}")
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if missing:
        yield bad("libraries", f"missing: {', '.join(missing)}", "install nagare again with its dependencies")
    else:
        yield ok("libraries", f"all there; {', '.join(_told(name) for name in ('duckdb', 'aiohttp', 'textual'))}")


def check_limits() -> Iterator[Check]:
    """Look at the open files that a process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_FILES:
        yield warn("open files", f"at most {soft} for a process", f"raise it: ulimit -n {min(4096, max(hard, soft))}")
    else:
        yield ok("open files", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft} for a process")


def check_terminal() -> Iterator[Check]:
    """Look at what the dashboard needs: a terminal, its name, UTF-8, colours, room."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield ok("terminal", "none here; `nagare top` needs one")
        return
    name = variable("TERM")
    if name in ("", "dumb"):
        yield warn(
            "terminal", f"TERM is {name or 'not set'}", "set TERM to what the terminal is, such as xterm-256color"
        )
    else:
        yield ok("terminal", name)
    yield _check_encoding()
    yield _check_colours(name)
    yield _check_size()


def _check_encoding() -> Check:
    encoding = locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") != "utf8":
        return warn("encoding", f"{encoding} is not UTF-8", "set LANG to a UTF-8 locale, or use --ascii")
    return ok("encoding", encoding)


def _check_colours(name: str) -> Check:
    if variable("NO_COLOR"):
        return ok("colours", "off by NO_COLOR")
    if variable("COLORTERM") in ("truecolor", "24bit"):
        return ok("colours", "16 million")
    if "256" in name:
        return ok("colours", "256")
    return warn("colours", "few", "set COLORTERM=truecolor if the terminal has it")


def _check_size() -> Check:
    size = os.get_terminal_size()
    text = f"{size.columns}x{size.lines}"
    if size.columns < _LEAST_SIZE[0] or size.lines < _LEAST_SIZE[1]:
        return warn("size", f"{text} is less than 80x24", "the dashboard shows one panel at a time; enlarge the window")
    return ok("size", text)


def _told(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name
