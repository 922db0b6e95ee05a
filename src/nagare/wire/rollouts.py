"""Updates over HTTP: what an agent tells and is offered, what is published, and how a rollout goes."""

from __future__ import annotations

import msgspec

from nagare.wire.updates import Bundle, Metadata


class UpdateReport(msgspec.Struct, frozen=True):
    """What an agent runs, which root it trusts (0: none), and how its last try ended.

    ``outcome``: empty, installed, refused or failed; ``rollout`` is the key of the offer that it tried.
    """

    version: str
    arch: str
    root_version: int = 0
    rollout: str = ""
    outcome: str = ""
    reason: str = ""


class UpdateOffer(msgspec.Struct, frozen=True):
    """The update that the host shall try now; no metadata is no update."""

    rollout: str = ""
    version: str = ""
    metadata: Metadata | None = None


class PublishRequest(msgspec.Struct, frozen=True):
    """What to publish: files for the server to sign, or documents that were signed elsewhere, or both roots and lists."""

    bundles: list[Bundle] = []
    roots: list[str] = []
    targets: str = ""
    timestamp: str = ""


class DocumentView(msgspec.Struct, frozen=True):
    """A role's current document; ``is_own``: the server's own key signs for it. ``expires_at`` is RFC 3339."""

    role: str
    version: int
    expires_at: str
    threshold: int
    keyids: list[str]
    is_own: bool


class UpdatesView(msgspec.Struct, frozen=True):
    """What is published. ``public_key`` and ``keyid`` are the server's own key of updates."""

    public_key: str
    keyid: str
    documents: list[DocumentView]
    bundles: list[Bundle]
    lowest_version: str = ""


class RolloutRequest(msgspec.Struct, frozen=True):
    """A rollout to start. Canaries are named, or have a label, or are a share of the hosts in percent."""

    version: str
    canaries: list[str] = []
    canary_labels: dict[str, str] = {}
    canary_percent: float = 5.0
    waves: list[int] = msgspec.field(default_factory=lambda: [25, 100])
    gate_seconds: float = 600.0
    patience_seconds: float = 3600.0


class RolloutHost(msgspec.Struct, frozen=True):
    """How far one host is: offered, installed or failed."""

    host: str
    state: str
    reason: str
    at: str


class RolloutWait(msgspec.Struct, frozen=True):
    """A host that a rollout waits with because it is in maintenance, and why it is."""

    host: str
    maintenance: str


class RolloutView(msgspec.Struct, frozen=True):
    """A rollout. ``state``: running, paused, done, aborted; ``wave`` 0 are the canaries; times are RFC 3339.

    ``waiting`` are hosts in maintenance: they are offered nothing, and are neither well nor ill until that is over.
    """

    id: str
    version: str
    state: str
    reason: str
    wave: int
    waves: list[int]
    canaries: list[str]
    gate_seconds: float
    patience_seconds: float
    made_by: str
    started_at: str
    changed_at: str
    hosts: list[RolloutHost] = []
    waiting: list[RolloutWait] = []


class RolloutList(msgspec.Struct, frozen=True):
    """Rollouts, the newest first."""

    rollouts: list[RolloutView]
