"""Small files that agents can become: this very package under another version, well or ill."""

import hashlib
import io
import zipfile

from nagare.model.updates import bundle_name, lawful_arch

# The package of the tests' own interpreter; what differs is the version, and what the file does first.
_MAIN = """
import sys
import nagare
nagare.__version__ = {version!r}
{first}
sys.argv[:] = ["nagare", "agent", *sys.argv[1:]]
from nagare.cli.main import main
sys.exit(main())
"""
GOOD = ""
ENDS = "sys.exit(3)"
SILENT = "import time; time.sleep(600)"
# Comes up once, on trial; after it took over it does not.
ENDS_AS_CURRENT = 'sys.exit(4) if "--is-current" in sys.argv else None'


def make_bundle(version: str, first: str = GOOD, *, says: str = "") -> bytes:
    """Return a file that is ``version`` (and ``says`` so, or another) and runs ``first`` before all else."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("__main__.py", _MAIN.format(version=says or version, first=first))
    return written.getvalue()


def entry(content: bytes, version: str, machine: str) -> dict[str, object]:
    """Return how a list names the file."""
    arch = lawful_arch(machine)
    digest = hashlib.sha256(content).hexdigest()
    name = bundle_name(version, arch)
    return {"name": name, "version": version, "arch": arch, "length": len(content), "sha256": digest}
