"""What the first frame needs is all that is loaded before it."""

import subprocess
import sys

from tests.support.processes import child_environment

_LATER = ("numpy", "aiohttp", "pyarrow", "duckdb", "sqlalchemy", "asyncssh")
_CODE = f"""
import sys
from nagare.cli.main import main
from nagare.cli import top
from nagare.tui.app import run_top
print([name for name in {_LATER!r} if name in sys.modules])
"""


def test_nothing_heavy_is_loaded_before_the_first_frame() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE], capture_output=True, text=True, check=True, env=child_environment(), timeout=60
    )
    assert done.stdout.strip() == "[]"
