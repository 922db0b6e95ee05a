"""Models that reason about the troubled hosts: a reasoner on a provider of loopback, a log in memory, and a claim that holds."""

from dataclasses import replace
from pathlib import Path

from nagare.config.diagnosis import DiagnosisSettings
from nagare.diagnosis.investigators.reasoner import ModelReasoner
from nagare.diagnosis.models.exchange import Exchange
from nagare.diagnosis.offline import OfflineReasoner
from nagare.diagnosis.redact import make_redactor
from nagare.lib.clock import SystemClock
from tests.support.model_server import KEY, MODEL, ModelServer
from tests.support.troubled_hosts import HOST


class MemoryLog:
    """Keeps what was said in memory."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.verdicts: list[str] = []

    def of(self, diagnosis_id: str, asked_by: str) -> "MemoryLog":
        """Return itself: it keeps what is said for all diagnoses."""
        return self

    async def judge(self, diagnosis_id: str, verdict: str) -> None:
        """Keep what was made of it."""
        self.verdicts.append(verdict)

    async def began(self, exchange: Exchange) -> str:
        """Keep it."""
        self.exchanges.append(exchange)
        return str(len(self.exchanges) - 1)

    async def ended(self, id_: str, exchange: Exchange) -> None:
        """Keep what came of it."""
        self.exchanges[int(id_)] = exchange


def reasoner_of(server: ModelServer, wire: str, folder: Path, log: MemoryLog, **settings: object) -> ModelReasoner:
    (folder / "key").write_text(KEY)
    chosen = DiagnosisSettings(provider=wire, model=MODEL, endpoint=server.endpoint(wire), secret_file=folder / "key")
    return ModelReasoner(
        replace(chosen, **settings),  # type: ignore[arg-type]
        OfflineReasoner(),
        make_redactor(),
        log,
        SystemClock(),
    )


def hypothesis(**changed: object) -> dict[str, object]:
    """Return one that would stand: of the full disk, with the evidence of the rules."""
    return {
        "cause": "disk.full",
        "title": "/var ran full",
        "host": HOST,
        "confidence": 0.9,
        "evidence_for": ["E1", "E2"],
        "evidence_against": [],
        "began_with": "E2",
        "led_to": [],
        "figures": [{"evidence": "E2", "name": "recent", "value": 0.98}],
        "next_check": "look at what grew below /var",
        "proposal": "",
    } | changed
