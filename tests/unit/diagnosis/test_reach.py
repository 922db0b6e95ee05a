"""What a diagnosis speaks of: every host that was looked at, and the tables that its evidence is from."""

from collections.abc import Sequence

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.gathering import Gathered
from nagare.diagnosis.reach import EVERY_HOST, PAGES, hosts_of, tables_of
from nagare.diagnosis.rules.facts import Facts
from nagare.model.diagnosis.diagnosis import Diagnosis, Scope
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind
from nagare.model.event import Severity


def made(*evidence: Evidence, alert: str = "", host: str = "") -> Diagnosis:
    return Diagnosis("d1", 0, Scope(host, alert), 0, 1, Severity.INFO, "", evidence=evidence)


def piece(kind: EvidenceKind, host: str = "db1", sql: str = "") -> Evidence:
    return Evidence("E1", kind, host, "words FROM commands", sql, {"name": "x FROM events"})


def gathered(*seen: tuple[str, str]) -> Gathered:
    found: Sequence[Seen] = [Seen(tool, host, lambda: piece(EvidenceKind.METRIC)) for tool, host in seen]
    return Gathered(Facts(found))


def test_a_host_that_was_looked_at_counts_though_nothing_is_told_of_it() -> None:
    assert hosts_of(made(piece(EvidenceKind.METRIC)), gathered(("cpu", "web1")), None) == {"db1", "web1"}


def test_what_is_of_no_host_is_for_who_sees_every_host() -> None:
    assert EVERY_HOST in hosts_of(made(piece(EvidenceKind.EVENT, "")), gathered(), None)
    assert EVERY_HOST in hosts_of(made(), gathered(("alerts", "")), None)
    assert EVERY_HOST in hosts_of(made(alert="a1"), gathered(), None)
    # Who may read pages may read all of them.
    assert EVERY_HOST not in hosts_of(made(piece(EvidenceKind.PASSAGE, "")), gathered(), None)


def test_a_table_is_that_of_the_statement() -> None:
    gaps = piece(EvidenceKind.EVENT, sql="SELECT a FROM (SELECT b FROM gaps WHERE name = $name)")
    assert tables_of(made(gaps), gathered(), None) == {"gaps"}
    assert tables_of(made(piece(EvidenceKind.PASSAGE, "")), gathered(), None) == {PAGES}
    # What a command wrote is for who may see commands.
    assert tables_of(made(piece(EvidenceKind.LOG)), gathered(), None) == {"commands"}
    assert tables_of(made(), gathered(("alerts", "db1")), None) == {"alerts"}
