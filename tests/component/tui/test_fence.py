"""The fence of a dashboard behind a page: the whole program loads and draws inside it, and what is not its own is out of reach."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nagare.lib.landlock import supported_abi
from nagare.wire.codec import encode
from nagare.wire.ui import HandOver

_PROGRAM = """
import json, os, sys
from pathlib import Path
from nagare.tui.browser.fence import put_fence
from nagare.wire.codec import decode
from nagare.wire.ui import HandOver

told, secret = decode(sys.argv[1].encode(), HandOver), Path(sys.argv[2])
is_fenced = put_fence(told)
from nagare.tui.browser.app import make_app
import socket
app = make_app(told)
if told.has_shells:
    from nagare.tui.screens.shells import _load
    _load()
    assert app.settings.ssh.config_file.read_text() == app.settings.ssh.known_hosts_file.read_text() == ""
socket.getaddrinfo("localhost", 22)
try:
    secret.read_text()
    read = True
except PermissionError:
    read = False
try:
    os.execv(sys.executable, [sys.executable, "-c", "print('ran')"])
except PermissionError:
    print(json.dumps([is_fenced, read]))
"""


@pytest.mark.parametrize("has_shells", [False, True])
def test_a_dashboard_is_whole_inside_and_reaches_nothing_else(tmp_path: Path, has_shells: bool) -> None:
    secret = tmp_path / "records.db"
    secret.write_text("of the server")
    told = encode(HandOver("http://127.0.0.1:1", "ngw_token", has_shells=has_shells)).decode()
    argv = [sys.executable, "-P", "-c", _PROGRAM, told, str(secret)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    # Where the kernel has no fence, what was to be refused is done.
    assert done.stdout.strip() == (json.dumps([True, False]) if supported_abi() else "ran")
