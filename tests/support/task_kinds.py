"""Kinds of tasks that tests run in real workers: what they do is as harmless, and as bad, as a test wants it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from nagare.automation.tasks.kinds import Kind
from nagare.automation.workers.main import Talk
from nagare.errors import InputError, StorageError, UnavailableError

_HERE = "tests.support.task_kinds"


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a test task does: ``do`` names it, ``folder`` keeps who was there."""

    do: str = "note"
    folder: str = ""
    name: str = "t"
    seconds: float = 0.0
    times: int = 1


def run(arguments: dict[str, Any], talk: Talk) -> dict[str, Any]:
    """Do what ``arguments`` say."""
    steps = msgspec.convert(arguments, Steps)
    with _Presence(steps):
        return _DEEDS[steps.do](steps, talk)


class _Presence:
    """Writes down who runs when: a file that is there already means that two run at one time."""

    def __init__(self, steps: Steps) -> None:
        self._folder = Path(steps.folder) if steps.folder else None
        self._steps = steps

    def __enter__(self) -> None:
        if self._folder is None:
            return
        with (self._folder / f"{self._steps.name}.log").open("a") as log:
            log.write("began\n")
        try:
            (self._folder / f"{self._steps.name}.{os.getpid()}").touch(exist_ok=False)
            alive = [path for path in self._folder.glob(f"{self._steps.name}.[0-9]*") if runs(path)]
        except FileExistsError:
            alive = [self._folder, self._folder]
        if len(alive) > 1:
            (self._folder / f"TWICE-{self._steps.name}").touch()

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            (self._folder / f"{self._steps.name}.{os.getpid()}").unlink()
            with (self._folder / f"{self._steps.name}.log").open("a") as log:
                log.write("ended\n")


def runs(path: Path) -> bool:
    """Tell whether the process of a note is there; one that is dead and waits for its parent is not."""
    try:
        state = Path(f"/proc/{path.name.rpartition('.')[2]}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def overlaps(folder: Path) -> list[str]:
    """Return the tasks that ran twice at one time."""
    return sorted(path.name for path in folder.glob("TWICE*"))


def _note(steps: Steps, talk: Talk) -> dict[str, Any]:
    talk.progress(0.5, "half")
    time.sleep(steps.seconds)
    return {"name": steps.name}


def _hang(steps: Steps, talk: Talk) -> dict[str, Any]:
    talk.progress(None, "hangs")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (Path(steps.folder) / "pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
    return {}


def _die(steps: Steps, _talk: Talk) -> dict[str, Any]:
    begun = (Path(steps.folder) / f"{steps.name}.log").read_text().count("began")
    if begun <= steps.times:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"begun": begun}


def _fail(steps: Steps, _talk: Talk) -> dict[str, Any]:
    begun = (Path(steps.folder) / f"{steps.name}.log").read_text().count("began")
    if begun <= steps.times:
        raise UnavailableError("cannot reach the moon: it is behind a cloud")
    return {"begun": begun}


def _refuse(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    raise InputError("cannot do it: it is wrong")


def _bug(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    raise ZeroDivisionError


def _eat(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    held = []
    for _ in range(600):
        held.append(bytearray(2**20))
        time.sleep(0.01)
    time.sleep(60)
    return {}


def _burst(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    return {"size": len(bytearray(2**32))}


def _repeat(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    import duckdb

    with duckdb.connect() as database:
        return {"size": database.execute("SELECT length(repeat('x', 1_000_000_000))").fetchone()}


def _crowd(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(config={"memory_limit": "16MB", "threads": 2}) as database:
        try:
            return {"size": database.execute("SELECT count(DISTINCT i) FROM range(5_000_000) AS t(i)").fetchone()}
        except duckdb.Error as error:
            raise StorageError("cannot count: DuckDB said no") from error


def _call(_steps: Steps, talk: Talk) -> dict[str, Any]:
    return {"said": talk.call("echo", text="hello")}


def _call_more(_steps: Steps, talk: Talk) -> dict[str, Any]:
    return {"said": talk.call("secrets")}


def _print(_steps: Steps, _talk: Talk) -> dict[str, Any]:
    print("what a library says")
    sys.stdout.flush()
    return {}


_DEEDS = {
    "note": _note,
    "hang": _hang,
    "die": _die,
    "fail": _fail,
    "refuse": _refuse,
    "bug": _bug,
    "eat": _eat,
    "burst": _burst,
    "repeat": _repeat,
    "crowd": _crowd,
    "call": _call,
    "call_more": _call_more,
    "print": _print,
}


async def _echo(_book: Any, principal: Any, task: Any, value: Any) -> Any:
    return f"{principal.name}: {value['text']} from {task.kind}"


REPEATABLE = Kind(
    "again", "may run twice", Steps, attempts=3, deadline_seconds=30, is_repeatable=True, entry=f"{_HERE}:run",
    calls={"echo": _echo},
)  # fmt: skip
ONCE = Kind(
    "once", "must not run twice", Steps, attempts=3, deadline_seconds=30, is_repeatable=False, entry=f"{_HERE}:run"
)
SHORT = Kind(
    "short", "has little time", Steps, attempts=3, deadline_seconds=1.5, is_repeatable=True, entry=f"{_HERE}:run"
)


async def _stumble(*_: Any) -> Any:
    raise ZeroDivisionError


STUMBLES = Kind(
    "stumbles", "has a bug of ours", Steps, attempts=3, deadline_seconds=30, is_repeatable=True, serve=_stumble
)
KINDS = (REPEATABLE, ONCE, SHORT, STUMBLES)
