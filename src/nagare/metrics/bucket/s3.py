"""An S3 bucket, through pyarrow's filesystem: loaded only where a bucket is configured, for it takes forty megabytes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nagare.config.settings import BucketSettings
from nagare.errors import BucketUnavailableError, ConfigError
from nagare.metrics.bucket.objects import PIECE_BYTES, Stop, never

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

_SECRET_LIMIT_BYTES = 4096
_CAUSE_LIMIT = 300
_CONNECT_SECONDS, _REQUEST_SECONDS = 5.0, 30.0


class S3Objects:
    """Objects below a prefix of one bucket."""

    def __init__(self, settings: BucketSettings) -> None:
        """Prepare the connection. Raises ConfigError; nothing is sent yet."""
        self._settings = settings
        self._root = "/".join(part for part in (settings.name, settings.prefix.strip("/")) if part)
        self._secrets: list[str] = []
        self._files = self._connect()

    @property
    def name(self) -> str:
        """The URL."""
        return f"s3://{self._root}"

    def put(self, key: str, source: Path) -> None:
        """Send the file in parts; the object is there when the last one was taken."""
        with source.open("rb") as file, self._translated("write"):
            # Left by an error it is closed all the same, which would complete a part of the object.
            sink = self._files.open_output_stream(self._path(key))
            try:
                while piece := file.read(PIECE_BYTES):
                    sink.write(piece)
            except BaseException:
                _abort(sink)
                raise
            sink.close()

    def get(self, key: str, target: Path, stop: Stop = never) -> None:
        """Read the object in pieces."""
        with (
            self._translated("read"),
            self._files.open_input_stream(self._path(key)) as source,
            target.open("wb") as sink,
        ):
            while piece := source.read(PIECE_BYTES):
                stop()
                sink.write(piece)

    def put_bytes(self, key: str, content: bytes) -> None:
        """Send a small object."""
        with self._translated("write"), self._files.open_output_stream(self._path(key)) as sink:
            sink.write(content)

    def get_bytes(self, key: str) -> bytes | None:
        """Read a small object."""
        try:
            with self._translated("read"), self._files.open_input_stream(self._path(key)) as source:
                return bytes(source.read())
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> dict[str, int]:
        """Ask for every key below ``prefix``."""
        from pyarrow import fs  # noqa: PLC0415  loaded with the connection

        selector = fs.FileSelector(self._path(prefix).rstrip("/"), recursive=True, allow_not_found=True)
        with self._translated("list"):
            found = self._files.get_file_info(selector)
        start = len(self._root) + 1
        return {info.path[start:]: info.size for info in found if info.type == fs.FileType.File}

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects one by one."""
        with self._translated("remove from"):
            for key in keys:
                try:
                    self._files.delete_file(self._path(key))
                except FileNotFoundError:
                    continue

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _connect(self) -> S3FileSystem:
        try:
            from pyarrow import fs  # noqa: PLC0415  see the module's first line
        except ImportError as error:
            raise ConfigError(
                "cannot use bucket: pyarrow is not installed", hint="install it with: pip install 'nagare[s3]'"
            ) from error
        given: dict[str, Any] = {}
        settings = self._settings
        if settings.access_key_file is not None and settings.secret_key_file is not None:
            given["access_key"] = self._read(settings.access_key_file)
            given["secret_key"] = self._read(settings.secret_key_file)
        elif settings.access_key_file is not None or settings.secret_key_file is not None:
            raise ConfigError("cannot use bucket: only one of access_key_file and secret_key_file is set")
        if settings.endpoint:
            given |= _endpoint(settings)
        if settings.region:
            given["region"] = settings.region
        return fs.S3FileSystem(connect_timeout=_CONNECT_SECONDS, request_timeout=_REQUEST_SECONDS, **given)

    def _read(self, path: Path) -> str:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {(error.strerror or 'refused').lower()}") from error
        if not 0 < len(content.strip()) <= _SECRET_LIMIT_BYTES:
            raise ConfigError(f"cannot use {path} as a key of the bucket: it is empty or too long")
        secret = content.strip().decode("ascii", "replace")
        self._secrets.append(secret)
        return secret

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            cause = (str(error) or type(error).__name__).splitlines()[0]
            for secret in self._secrets:
                cause = cause.replace(secret, "***")
            raise BucketUnavailableError(
                f"cannot {verb} bucket {self.name}: {cause[:_CAUSE_LIMIT]}",
                hint="check [bucket] of the configuration and the network; what waits is sent when it is back",
            ) from error


def _endpoint(settings: BucketSettings) -> dict[str, Any]:
    parts = urlsplit(settings.endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise ConfigError(f"cannot use bucket.endpoint {settings.endpoint!r}: not http(s)://HOST[:PORT]")
    if parts.scheme == "http" and not (settings.insecure or _is_loopback(parts.hostname)):
        raise ConfigError(
            f"cannot use bucket.endpoint {settings.endpoint!r}: blocks would cross the network in clear",
            hint="use https, or set bucket.insecure for a network that you fully trust",
        )
    return {"scheme": parts.scheme, "endpoint_override": parts.netloc}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _abort(sink: Any) -> None:
    # Older streams cannot take back what they sent; the name is then overwritten by the next try, whole.
    abort = getattr(sink, "abort", None)
    if abort is not None:
        abort()
