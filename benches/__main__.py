"""``make bench``: runs every bench, or those named, and prints what they found.

Each figure stands beside a peer or baseline of the same run. Nothing here is a test: a busy machine fails nobody.
"""

import argparse
import gzip
import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benches.report import Section, as_markdown, as_text

_HERE = Path(__file__).parent
NAMES = [
    name
    for name in (
        "start",
        "paint",
        "server",
        "ingest",
        "small",
        "batches",
        "store",
        "identity",
        "tui",
        "shells",
        "collect",
        "agent",
        "bus",
        "fleet",
        "links",
        "commands",
        "alerts",
        "foreign_alerts",
        "anomalies",
        "told",
        "rank",
        "kb",
        "diagnosis",
    )
    if (_HERE / f"{name}_bench.py").exists()
]

# Those with a longer form, and the programs that stand beside in the same run.
LONGER = {"foreign", "sustained"}
# Minutes each, so only when they are named.
NAMED_ONLY = ["nab", "foreign", "tsbs", "tsbs_tall", "day", "sustained", "room"]
# Those that take a folder of data.
WITH_DATA = {"nab"}
PEERS = ("victoria-metrics", "vmagent", "prometheus")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB memory, {platform.system()} {platform.release().split('-')[0]},"
        f" Python {platform.python_version()}"
    )


def _where() -> str:
    """Return the day, the machine and the versions of what is measured beside."""
    versions = [f"{name} {_version(name)}" for name in PEERS if shutil.which(name)]
    return f"Measured {time.strftime('%Y-%m-%d')}: {', '.join([_machine(), *versions])}"


def _version(program: str) -> str:
    asked = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10)
    said = asked.stdout + asked.stderr
    if not _VERSION.search(said):
        # Built without it; what `make peers` fetched has its package's changelog beside it.
        changes = (
            Path(shutil.which(program) or "").parents[1] / "root/usr/share/doc/victoria-metrics/changelog.Debian.gz"
        )
        said = gzip.decompress(changes.read_bytes()).decode() if changes.exists() else ""
    found = _VERSION.search(said)
    return found[0] if found else "of unknown version"


def _run(name: str, *, is_long: bool, data: Path | None) -> Section:
    print(f"bench {name} …", file=sys.stderr, flush=True)
    run = importlib.import_module(f"benches.{name}_bench").run
    given: dict[str, object] = {"is_long": True} if is_long and name in LONGER else {}
    if name in WITH_DATA:
        given["data"] = data
    section: Section = run(**given)
    return section


def _say_peers() -> None:
    missing = [name for name in PEERS if not shutil.which(name)]
    if missing:
        print(f"without {', '.join(missing)}: `make peers` fetches what is measured beside", file=sys.stderr)


def main() -> None:
    """Run, print, and write the page when asked."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        choices=[*NAMES, *NAMED_ONLY, []],
        help="which benches to run; all but the slow ones by default",
    )
    parser.add_argument("--only", action="append", choices=[*NAMES, *NAMED_ONLY], default=[], help="the same as a name")
    parser.add_argument("--long", action="store_true", help="more of everything where a bench has a longer form")
    parser.add_argument("--data", metavar="DIR", type=Path, help="folder of data, for the benches that take one")
    parser.add_argument("--write", metavar="FILE", type=Path, help="write the figures as a page, too")
    arguments = parser.parse_args()
    _say_peers()
    names = [*arguments.names, *arguments.only] or NAMES
    sections = [_run(name, is_long=arguments.long, data=arguments.data) for name in names]
    print(as_text(sections))
    if arguments.write:
        arguments.write.parent.mkdir(parents=True, exist_ok=True)
        page = arguments.write.read_text() if arguments.write.exists() else ""
        arguments.write.write_text(as_markdown(sections, _where(), page))


if __name__ == "__main__":
    main()
