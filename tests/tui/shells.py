"""Answers about shells as a server gives them, for screens over a seeded fleet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nagare.config.terminal import SshSettings
from nagare.net.tcp import open_stream
from nagare.ssh.pipe import Pipe
from nagare.wire.shells import ShellEnd, ShellView


@dataclass
class FleetShells:
    """Keeps what it was told; ``port`` is where every host's SSH is, ``breaks`` what telling that one is open raises.

    ``direct_port`` is where it is said to be, where that is another; ``reached`` has the hosts that were reached by the server.
    """

    port: int = 0
    direct_port: int = 0
    refuses: Exception | None = None
    breaks: Exception | None = None
    opened: list[str] = field(default_factory=list)
    ended: list[ShellEnd] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)

    async def open(self, host: str) -> ShellView:
        """Note that a shell is opened."""
        if self.refuses is not None:
            raise self.refuses
        self.opened.append(host)
        port = self.direct_port or self.port
        return ShellView(f"s{len(self.opened)}", host, "127.0.0.1", port, "ops", may_tunnel=True)

    async def touch(self, shell_id: str) -> ShellView:
        """Note that it is still open."""
        if self.breaks is not None:
            raise self.breaks
        return ShellView(shell_id, self.opened[-1], "127.0.0.1", self.port, "ops")

    async def end(self, shell_id: str, end: ShellEnd) -> None:
        """Note how it ended."""
        self.ended.append(end)

    async def reach(self, host: str) -> Pipe:
        """Go where the host's SSH is."""
        self.reached.append(host)
        return await open_stream("127.0.0.1", self.port)


def ssh_settings(folder: Path) -> SshSettings:
    """Return settings that touch nothing outside ``folder``."""
    config = folder / "ssh_config"
    config.write_text("")
    return SshSettings(config_file=config, known_hosts_file=folder / "known_hosts", agent=False)
