"""The commands that the pages tell people to type are typed here, at a live installation."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.processes import Process, RunningServer, child_environment, nagare_argv, started, wait_until
from tests.support.source import ROOT

PAGES = [
    "README.md",
    "docs/how-to/query-recipes.md",
    "docs/how-to/configure-probes.md",
    "docs/how-to/scrape-exporters.md",
    "docs/how-to/statsd.md",
    "docs/tutorial/first-five-minutes.md",
]
# What only asks or draws; the others start processes or need another machine.
VERBS = {"query", "plot", "tables", "events", "doctor", "hosts", "targets", "version", "config"}
# Comments end a line of these pages after two spaces; shlex would take the line's end with them.
COMMENT = re.compile(r" {2,}# .*$", re.MULTILINE)


def _commands(page: str) -> list[list[str]]:
    text = (ROOT / page).read_text()
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        lexer = shlex.shlex(COMMENT.sub("", block), posix=True, punctuation_chars=";|>&\n")
        lexer.whitespace = " \t\r"
        lexer.whitespace_split = True
        lexer.commenters = ""
        words: list[str] = []
        for token in [*lexer, "\n"]:
            if token.strip(";|>&\n") == "":
                found.append(words)
                words = []
            else:
                words.append(token)
    return [words for words in found if len(words) > 1 and words[0].endswith("nagare") and words[1] in VERBS]


def test_there_is_something_to_type() -> None:
    assert sum(len(_commands(page)) for page in PAGES) > 15


@pytest.fixture
def web1(running_server: RunningServer, tmp_path: Path) -> Iterator[Process]:
    """The agent of a host that is named as in the pages, with a probe."""
    target = running_server.url.removeprefix("http://")
    config = tmp_path / "nagare.toml"
    config.write_text(
        f'[agent]\nname = "web1"\ninterval_seconds = 1\n[[agent.probes]]\ntarget = "{target}"\nkind = "tcp"\n'
    )
    with started(nagare_argv("--data", running_server.data, "--config", config, "agent")) as process:
        yield process


@pytest.mark.timeout(300)
def test_documented_commands_work(running_server: RunningServer, web1: Process, tmp_path: Path) -> None:
    for table in ("cpu", "memory", "disk", "process", "load", "network", "probe"):
        wait_until(lambda table=table: running_server.sql(f"select count(*) from {table}")[0][0] > 0, table, web1)
    failures = []
    for page in PAGES:
        for words in _commands(page):
            argv = nagare_argv("--data", running_server.data, *words[1:])
            done = warm.run(argv, cwd=tmp_path, env=child_environment(), capture_output=True, text=True, check=False)
            if done.returncode or "Traceback" in done.stderr:
                failures.append(f"{page}: {shlex.join(words)}\n  {done.returncode}: {done.stderr}")
    assert not failures, "\n".join(failures)
