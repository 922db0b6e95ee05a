"""The settings of what people see and do in a terminal: the dashboard, and shells on hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nagare.config.setting import setting

AUTO_THEME = "auto"


@dataclass(frozen=True, slots=True)
class TopSettings:
    """``[top]``: the terminal interface."""

    theme: str = setting(
        AUTO_THEME,
        "colours; auto takes the ones you chose last in the dashboard, else nagare-dark, on a terminal of 16 colours nagare-16",
        choices=(AUTO_THEME, "nagare-dark", "nagare-light", "nagare-contrast", "nagare-16"),
    )
    ascii: bool = setting(False, "draw with ASCII only")
    mouse: bool = setting(True, "take the mouse")
    frames_per_second: float = setting(10.0, "most repaints a second", low=1, high=60)
    bell: bool = setting(True, "ring and say so when a high or critical alert fires that people are told of")
    state: Path | None = setting(
        None,
        "folder of what you keep here: your queries, the colours you chose; empty takes your own folder for the state of programs",
    )
    keys: Mapping[str, str] = setting({}, 'keys by action id, comma separated: {"screen.hosts" = "2,h"}')


@dataclass(frozen=True, slots=True)
class SshSettings:
    """``[ssh]``: shells on hosts. What stands in none of these is left to your own configuration of SSH."""

    user: str = setting(
        "", "user to log in as where neither your own configuration nor the host's label ssh_user says one"
    )
    config_file: Path | None = setting(None, "your configuration of SSH; empty takes ~/.ssh/config where there is one")
    known_hosts_file: Path | None = setting(
        None, "keys of hosts that are known; empty takes those that the configuration names, else ~/.ssh/known_hosts"
    )
    host_authority_file: Path | None = setting(
        None, "public keys (OpenSSH) of authorities whose certificates prove that a host is the one it says"
    )
    agent: bool = setting(True, "let the agent of SSH answer with its keys")
    connect_seconds: float = setting(
        20.0,
        "time that opening a shell may take, without the time in which you are asked",
        unit="seconds",
        low=1,
        high=600,
    )
    keepalive_seconds: float = setting(
        15.0, "silence after which a host is asked whether it is still there", unit="seconds", low=1, high=3600
    )
    keepalive_misses: int = setting(3, "questions without an answer after which a connection is lost", low=1, high=100)
    record: bool = setting(False, "ask of everybody who opens a shell that it is recorded (asciicast v2)")
    recordings: Path | None = setting(None, "folder of recordings; empty takes recordings/ in the data directory")
    via_server: bool = setting(
        False,
        "go to hosts by the server, without trying the direct way first; else that is offered where there is none",
    )
    tunnels: bool = setting(
        True, "let this server carry connections to hosts' SSH, for users who may open shells there (shells.open)"
    )
    tunnel_limit: int = setting(
        200, "connections to hosts' SSH that this server carries at one time", low=1, high=10_000
    )
    user_tunnel_limit: int = setting(40, "those of one user at one time", low=1, high=10_000)
    tunnel_idle_seconds: float = setting(
        900.0,
        "time without a byte after which this server ends one; shells of nagare send signs of life more often",
        unit="seconds",
        low=30,
        high=86_400,
    )
