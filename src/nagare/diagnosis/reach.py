"""What a diagnosis speaks of, hosts and tables: who may not see all of it does not see the diagnosis. Pure."""

from __future__ import annotations

import re

from nagare.diagnosis.gathering import Gathered
from nagare.diagnosis.store import Kept
from nagare.model.diagnosis.diagnosis import Diagnosis
from nagare.model.diagnosis.evidence import EvidenceKind

# In the place of a host: something is told that is of no host, which only who sees every host may see.
EVERY_HOST = "*"
# In the place of a table: pages of the knowledge base.
PAGES = "kb"
_TABLE = re.compile(r"\bFROM ([a-z_]+)")


def hosts_of(made: Diagnosis, gathered: Gathered, after: Kept | None) -> frozenset[str]:
    """Return every host that was looked at or told of, also by the diagnosis that this one follows."""
    facts = gathered.facts
    named = {made.scope.host, *facts.hosts, *(one.host for one in made.findings), *(one.host for one in made.evidence)}
    found = named - {""} | (after.hosts if after is not None else set())
    return frozenset(found | {EVERY_HOST} if _tells_of_none(made, gathered) else found)


def tables_of(made: Diagnosis, gathered: Gathered, after: Kept | None) -> frozenset[str]:
    """Return the tables that its evidence was asked of, also those of the diagnosis that this one follows."""
    # The statements are our own: what people wrote stands in their parameters.
    found = {table for piece in made.evidence for table in _TABLE.findall(piece.sql)}
    facts = gathered.facts
    if made.scope.alert_id or any(facts.of(host, "alerts") for host in ("", *facts.hosts)):
        found.add("alerts")
    if any(piece.kind is EvidenceKind.PASSAGE for piece in made.evidence):
        found.add(PAGES)
    if any(piece.kind is EvidenceKind.LOG for piece in made.evidence):
        # What a command wrote is seen by who may see commands.
        found.add("commands")
    return frozenset(found | (after.tables if after is not None else set()))


def _tells_of_none(made: Diagnosis, gathered: Gathered) -> bool:
    if gathered.facts.of("", "alerts") or (made.scope.alert_id and not made.scope.host):
        return True
    return any(not piece.host and piece.kind is not EvidenceKind.PASSAGE for piece in made.evidence)
