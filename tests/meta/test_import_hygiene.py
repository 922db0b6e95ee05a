"""What a command loads before it does anything: measured in a child, where nothing was loaded before."""

import subprocess
import sys

import pytest

HEAVY = (
    "textual", "duckdb", "pyarrow", "numpy", "aiohttp", "sqlalchemy", "alembic", "asyncssh", "google.genai", "psutil",
    "cryptography", "nacl", "zeroconf", "uvloop", "prometheus_client", "pyghostty", "avt",
)  # fmt: skip
PROBE = """
import contextlib, io, sys
arguments, heavy = sys.argv[1].split(), sys.argv[2].split()
sys.argv = ["nagare", *arguments]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    from nagare.cli.main import main
    main()
print(" ".join(name for name in heavy if name in sys.modules))
"""


def _loaded(arguments: str, heavy: tuple[str, ...]) -> list[str]:
    child = subprocess.run(
        [sys.executable, "-c", PROBE, arguments, " ".join(heavy)], capture_output=True, text=True, check=True
    )
    return child.stdout.split()


@pytest.mark.parametrize(
    "arguments", ["--help", "query --help", "run --help", "commands list --help", "version", "no-such-command"]
)
def test_looking_at_the_command_line_loads_nothing_heavy(arguments: str) -> None:
    assert _loaded(arguments, HEAVY) == []


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("nagare.config.load", HEAVY),
        ("nagare.agent.main", ("textual", "duckdb", "pyarrow", "sqlalchemy", "alembic", "numpy", "zeroconf", "nacl")),
        ("nagare.bus.choice", (*HEAVY, "nats", "sqlite3")),
        ("nagare.client.client", ("textual", "duckdb", "pyarrow", "sqlalchemy", "psutil", "zeroconf", "nacl")),
    ],
)
def test_a_room_stays_as_light_as_its_place(module: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print(*(name for name in {heavy!r} if name in sys.modules))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.split() == []
