import json
import subprocess
import sys

import pytest

from nagare.agent.executor import warden
from tests.support.source import ROOT

FOLDER = ROOT / "src/nagare/agent/executor"


@pytest.mark.parametrize("name", ["warden", "template"])
def test_it_imports_nothing_but_what_the_interpreter_has_at_once(name: str) -> None:
    # A warden may start for a program: whatever it imports, that waits for. What forks wardens has no thread of anybody.
    source = (FOLDER / f"{name}.py").read_text()
    text = (
        f"{source.partition('if __name__')[0]}\nprint(sorted(name for name in sys.modules if not name.startswith('_')))"
    )
    argv = [sys.executable, "-I", "-S", "-c"]
    bare = {"abc", "builtins", "codecs", "encodings", "encodings.aliases", "encodings.utf_8", "genericpath", "io", "marshal", "os",
            "os.path", "posix", "posixpath", "stat", "sys", "time", "zipimport"}  # fmt: skip
    names = subprocess.run([*argv, text], capture_output=True, check=True, text=True).stdout
    found = set(json.loads(names.replace("'", '"'))) - bare
    assert found <= {"ctypes", "ctypes._endian", "errno", "resource", "select", "struct", "types"}


@pytest.mark.parametrize(
    "word",
    [
        {"exit": 0, "signal": None, "cpu_seconds": 0.25, "max_rss_bytes": 1, "left": 0, "asked": False},
        {"exit": 1, "signal": 9, "cpu_seconds": 1e-07, "max_rss_bytes": 2**40, "left": 3, "asked": True},
        {"failed": "No such file or directory", "unbegun": True},
    ],
)
def test_what_it_tells_is_json(word: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("warden") / "status"
    with path.open("wb") as file:
        warden._tell(file.fileno(), word)
    told = path.read_bytes()
    assert told.endswith(b"}\n")
    assert json.loads(told) == word
    assert [type(value) for value in json.loads(told).values()] == [type(value) for value in word.values()]


def test_a_message_cannot_break_out_of_its_word(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("warden") / "status"
    with path.open("wb") as file:
        warden._tell(file.fileno(), {"failed": 'a "b" \\ \n\x1b ä'})
    assert json.loads(path.read_bytes()) == {"failed": "a ?b? ? ?? ?"}
