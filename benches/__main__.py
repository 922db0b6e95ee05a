"""``make bench``: runs every bench, or those named, and prints what they found.

Each figure stands beside a peer or baseline of the same run. Nothing here is a test: a busy machine fails nobody.
"""

import argparse
import importlib
import os
import platform
import sys
from pathlib import Path

from benches.report import Section, as_markdown, as_text

_HERE = Path(__file__).parent
NAMES = [
    name
    for name in ("start", "paint", "server", "ingest", "store", "tui", "collect", "agent")
    if (_HERE / f"{name}_bench.py").exists()
]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB memory, {platform.system()} {platform.release().split('-')[0]},"
        f" Python {platform.python_version()}"
    )


def _run(name: str) -> Section:
    print(f"bench {name} …", file=sys.stderr, flush=True)
    section: Section = importlib.import_module(f"benches.{name}_bench").run()
    return section


def main() -> None:
    """Run, print, and write the page when asked."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which benches to run; all by default")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the figures as a page, too")
    arguments = parser.parse_args()
    sections = [_run(name) for name in arguments.names or NAMES]
    print(as_text(sections))
    if arguments.write:
        arguments.write.parent.mkdir(parents=True, exist_ok=True)
        arguments.write.write_text(as_markdown(sections, _machine()))


if __name__ == "__main__":
    main()
