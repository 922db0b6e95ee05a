"""An empty database of the newest revision, made once a process and copied.

Making one takes every migration there ever was, which is tests/component/records' part; everybody else begins where they end.
"""

import tempfile
import threading
from functools import cache
from pathlib import Path

from nagare.config.settings import RecordsSettings
from nagare.records.dump import opened
from nagare.records.migrate import upgrade
from tests.support.postgres import Cluster

_TEMPLATE = "template_migrated"
# Two threads of one process may ask first.
_making = threading.Lock()


@cache
def _content() -> bytes:
    with tempfile.TemporaryDirectory(prefix="nagare-migrated-") as folder:
        path = Path(folder) / "records.db"
        with opened(path, None, writes=True) as connection:
            upgrade(connection)
        assert not path.with_name("records.db-wal").exists(), "all of it must stand in the one file"
        return path.read_bytes()


def place_records(path: Path) -> None:
    """Put an empty database at ``path``, if there is none."""
    if path.exists():
        return
    with _making:
        content = _content()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def make_migrated(cluster: Cluster) -> RecordsSettings:
    """Return the settings of a new, empty database in ``cluster``."""
    with cluster.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone()
    if found is None:
        made = cluster.make_database(_TEMPLATE)
        with opened(cluster.folder / "none", made, writes=True) as opened_template:
            upgrade(opened_template)
    return cluster.make_database(template=_TEMPLATE)
