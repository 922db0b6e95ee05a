"""A real S3 service on loopback, for the tests of buckets: moto's server, in memory, on a thread of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nagare.config.settings import BucketSettings

BUCKET = "blocks"


@dataclass
class S3Server:
    """A running service and the files of its keys."""

    endpoint: str
    folder: Path

    def settings(self, prefix: str, **more: object) -> BucketSettings:
        """Return settings for a prefix of the one bucket there is."""
        given = {
            "name": BUCKET,
            "prefix": prefix,
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_file": self.folder / "access",
            "secret_key_file": self.folder / "secret",
            **more,
        }
        return BucketSettings(**given)  # type: ignore[arg-type]


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a service with the bucket ``BUCKET``; keys stand in ``folder``."""
    import pyarrow.fs as arrow
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    service = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    service.start()
    try:
        host, port = service.get_host_and_port()
        folder.mkdir(exist_ok=True)
        (folder / "access").write_text("key\n")
        (folder / "secret").write_text("a-secret-that-nobody-may-see\n")
        files = arrow.S3FileSystem(
            access_key="key", secret_key="x", endpoint_override=f"{host}:{port}", scheme="http", region="us-east-1",
            allow_bucket_creation=True,
        )  # fmt: skip
        files.create_dir(BUCKET)
        yield S3Server(f"http://{host}:{port}", folder)
    finally:
        service.stop()
