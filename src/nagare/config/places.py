"""Where everything of one installation stands below its data directory; the names are a contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Paths of the installation in ``data`` (mode 0700)."""

    data: Path

    @property
    def log(self) -> Path:
        """Segments of the metric log."""
        return self.data / "log"

    @property
    def metrics(self) -> Path:
        """Blocks: ``<table>/date=YYYY-MM-DD/*.parquet``."""
        return self.data / "metrics"

    @property
    def catalog(self) -> Path:
        """SQLite: facts about blocks and series."""
        return self.data / "catalog.db"

    @property
    def records(self) -> Path:
        """SQLite: hosts, tokens and later records."""
        return self.data / "records.db"

    @property
    def bus(self) -> Path:
        """SQLite: streams of messages, unless they are in NATS."""
        return self.data / "bus.db"

    @property
    def exports(self) -> Path:
        """What tasks of the kind query wrote."""
        return self.data / "blobs" / "exports"

    @property
    def anomalies(self) -> Path:
        """What the server knows of how series behave; derived, and made anew when it is gone."""
        return self.data / "anomalies.npz"

    @property
    def recordings(self) -> Path:
        """Recordings of shells that were opened from here."""
        return self.data / "recordings"

    @property
    def keys(self) -> Path:
        """Private keys and certificates, mode 0700 with files 0600."""
        return self.data / "keys"

    @property
    def audit_key(self) -> Path:
        """The key that signs the head of the audit log."""
        return self.keys / "audit.key"

    @property
    def links_key(self) -> Path:
        """The key that signs links in notifications."""
        return self.keys / "links.key"

    @property
    def updates_key(self) -> Path:
        """The server's key of updates, which has every role until somebody takes one elsewhere."""
        return self.keys / "updates.key"

    @property
    def updates(self) -> Path:
        """Published bundles, by their SHA-256."""
        return self.data / "updates"

    @property
    def own_agent(self) -> Path:
        """The agent's file that the server made of its own packages."""
        return self.data / "own-agent"

    @property
    def agent_updates(self) -> Path:
        """What an agent trusts of updates, and the versions that it fetched."""
        return self.data / "agent" / "updates"

    @property
    def commands_key(self) -> Path:
        """The key with which the server signs commands."""
        return self.keys / "commands.key"

    @property
    def agent_commands(self) -> Path:
        """What an agent began, and results that the server has not acknowledged."""
        return self.data / "agent" / "commands"

    @property
    def token_keys(self) -> Path:
        """The keys that sign access tokens."""
        return self.keys / "tokens"

    @property
    def spool(self) -> Path:
        """The agent's batches that wait for the server, and its identity."""
        return self.data / "spool"

    @property
    def agent_status(self) -> Path:
        """What the agent says of itself, as old as it says."""
        return self.spool / "status.json"

    @property
    def agent_lock(self) -> Path:
        """Held (flock) by the live agent for as long as it lives; holds its pid."""
        return self.spool / "lock"

    @property
    def run(self) -> Path:
        """Notes of the live processes."""
        return self.data / "run"

    @property
    def server_note(self) -> Path:
        """``server.json``: URL, pid and CA of the live server."""
        return self.run / "server.json"

    @property
    def token(self) -> Path:
        """The local admin token, mode 0600."""
        return self.run / "token"

    @property
    def spare(self) -> Path:
        """Room that a server which starts on a full disk gives up to itself."""
        return self.run / "spare"

    @property
    def lock(self) -> Path:
        """Held (flock) by the live server for as long as it lives; holds its pid."""
        return self.run / "lock"
