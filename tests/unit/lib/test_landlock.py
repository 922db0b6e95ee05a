"""What a fence leaves: tried by processes that put one around themselves, since nobody takes it down again."""

import json
import socket
import subprocess
import sys
from pathlib import Path

from nagare.lib.landlock import supported_abi

_PROGRAM = """
import json, os, socket, sys
from pathlib import Path
from nagare.lib.landlock import Fence, restrict

told = json.loads(sys.stdin.read())

def outcome(work):
    try:
        work()
    except PermissionError:
        return "refused"
    except OSError as error:
        return type(error).__name__
    return "done"

def connect(port):
    with socket.socket() as one:
        one.connect(("127.0.0.1", port))

def listen():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))

os.stat(told["open"])
is_fenced = restrict(Fence([Path(told["open"]), Path(told["nowhere"])], [Path(told["file"])], told["ports"]))
print(json.dumps({
    "fenced": is_fenced,
    "read": outcome(lambda: Path(told["open"], "a").read_text()),
    "list": outcome(lambda: os.listdir(told["open"])),
    "write": outcome(lambda: Path(told["open"], "a").write_text("x")),
    "make": outcome(lambda: Path(told["open"], "new").mkdir()),
    "remove": outcome(lambda: Path(told["open"], "a").unlink()),
    "write the file": outcome(lambda: Path(told["file"]).open("r+").write("x")),
    "read the secret": outcome(lambda: Path(told["secret"]).read_text()),

    "connect": outcome(lambda: connect(told["port"])),
    "connect elsewhere": outcome(lambda: connect(told["other"])),
    "listen": outcome(listen),
}))
"""


def _tried(tmp_path: Path, *, ports: bool) -> dict[str, object]:
    (tmp_path / "open").mkdir()
    for name in ("open/a", "file", "secret"):
        (tmp_path / name).write_text(name)
    with socket.create_server(("127.0.0.1", 0)) as known, socket.create_server(("127.0.0.1", 0)) as other:
        port = known.getsockname()[1]
        told = {
            "open": str(tmp_path / "open"),
            "nowhere": str(tmp_path / "nowhere"),
            "file": str(tmp_path / "file"),
            "secret": str(tmp_path / "secret"),
            "port": port,
            "other": other.getsockname()[1],
            "ports": [port] if ports else None,
        }
        argv = [sys.executable, "-c", _PROGRAM]
        done = subprocess.run(argv, input=json.dumps(told), capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_what_is_left_and_what_is_not(tmp_path: Path) -> None:
    tried = _tried(tmp_path, ports=True)
    abi = supported_abi()
    # A kernel without it says so, and nothing is another.
    assert tried.pop("fenced") is (abi > 0)
    left = {name for name, outcome in tried.items() if outcome == "done"}
    always = {"read", "list", "write the file", "connect"}
    net = set() if abi >= 4 else {"connect elsewhere", "listen"}
    assert left == (always | net if abi else set(tried))


def test_connections_may_be_left_as_they_are(tmp_path: Path) -> None:
    tried = _tried(tmp_path, ports=False)
    assert (tried["connect"], tried["connect elsewhere"]) == ("done", "done")
    if supported_abi() >= 4:
        assert tried["listen"] == "refused"
