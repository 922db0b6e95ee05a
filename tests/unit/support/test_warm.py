"""A process that is forked warm is to a test what an executed one is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm

_ALL_IT_SEES = """
import json, os, sys, threading
said = threading.Event()
threading.Thread(target=lambda: (said.wait(), print("the last, from a thread"))).start()
print(json.dumps([sorted(os.environ), os.environ["ONLY_HERE"], os.getcwd(), sys.argv, sys.orig_argv, sys.path[0], sys.stdin.read(),
      __name__, os.getsid(0) == os.getpid(), sys.stdout.encoding, sys.stdout.isatty()]))
print("told", file=sys.stderr)
said.set()
"""


def _both(code: str, *words: str, **options: Any) -> list[subprocess.CompletedProcess[str]]:
    argv = [sys.executable, "-c", code, *words]
    return [start(argv, capture_output=True, text=True, timeout=60, **options) for start in (subprocess.run, warm.run)]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('words')", 1),
        ("import atexit; atexit.register(print, 'last'); print('first')", 0),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os; os._exit(9)", 9),
    ],
)
def test_it_ends_alike(code: str, status: int) -> None:
    executed, forked = _both(code)
    assert executed.returncode == forked.returncode == status
    assert (forked.stdout, forked.stderr) == (executed.stdout, executed.stderr)


def test_a_fault_is_told_alike() -> None:
    executed, forked = _both("raise ValueError('words')")
    assert executed.returncode == forked.returncode == 1
    assert forked.stderr.splitlines()[-1] == executed.stderr.splitlines()[-1] == "ValueError: words"


def test_it_sees_alike_what_it_is_given(tmp_path: Path) -> None:
    environment = {**os.environ, "ONLY_HERE": "ü"}
    executed, forked = _both(
        _ALL_IT_SEES, "a", "b", cwd=tmp_path, env=environment, input="read", start_new_session=True
    )
    assert "ONLY_HERE" in executed.stdout
    assert (forked.stdout, forked.stderr) == (executed.stdout, executed.stderr)


def test_a_file_of_code_runs_alike(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("words = 'from beside'")
    program = tmp_path / "program.py"
    program.write_text("import sys, beside; print(sys.argv, __name__, __file__, beside.words)")
    argv = [sys.executable, str(program), "a"]
    executed, forked = (start(argv, capture_output=True, text=True, timeout=60) for start in (subprocess.run, warm.run))
    assert "from beside" in executed.stdout
    assert (forked.stdout, forked.stderr) == (executed.stdout, executed.stderr)


def test_it_is_stopped_and_killed_like_any_other() -> None:
    argv = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]
    with warm.popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert process.poll() is None
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert shown.rstrip(b"\0").split(b"\0") == [word.encode() for word in argv]
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0)
        process.kill()
        assert process.wait(60) == process.poll() == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_other_switches_of_the_interpreter_take_an_executed_one() -> None:
    argv = [sys.executable, "-c", "import sys; print(sys.flags.hash_randomization)"]
    with warm.popen(argv, env={**os.environ, "PYTHONHASHSEED": "0"}, stdout=subprocess.PIPE) as process:
        assert not isinstance(process, warm.WarmPopen)
        assert json.loads(process.communicate()[0]) == 0
