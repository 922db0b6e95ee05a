"""The network: packets that are lost, targets that do not answer or answer late, certificates that end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.lib.units import format_seconds
from nagare.model.diagnosis.finding import ProposedAction
from nagare.model.event import Severity

_SEVERAL = 3


def loss(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect an interface, or a way, on which packets are lost."""
    interfaces = facts.bad(host, "network_errors", "network_drops")
    # A target that answers nothing at all is unreachable: that is another story.
    gone = {one.keys.get("target") for one in facts.bad(host, "probe_failed")}
    lossy = [one for one in facts.bad(host, "probe_loss") if one.keys.get("target") not in gone]
    if not interfaces and not lossy:
        return
    where = sorted({one.keys.get("interface", "") for one in interfaces})
    name = f"interface {where[0]}" if where else "the way to " + lossy[0].keys.get("target", "")
    doubts = [] if lossy else facts.fine(host, "probe_loss", "probe_failed")
    yield Suspicion(
        "network.loss",
        f"{name} loses packets",
        host,
        weighed(0.75 if interfaces else 0.6, [*interfaces[1:], *lossy[:2]], doubts[:1]),
        Severity.WARNING,
        [*interfaces, *lossy, *facts.bad(host, "probe_latency")[:2]],
        doubts,
        name,
        "see the counters of the interface and of the port of the switch: cable, duplex, a full queue",
        ProposedAction("network.sockets", {}, host),
        began([*interfaces, *lossy]),
        "NetworkErrors",
    )


def saturated(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect interfaces that have as much to carry as they can."""
    for one in facts.bad(host, "network_used")[:_SEVERAL]:
        name = f"interface {one.keys.get('interface', '')}"
        backing = [*facts.bad(host, "network_drops"), *facts.bad(host, "probe_latency", "probe_loss")[:2]]
        yield Suspicion(
            "network.saturated", f"{name} carries as much as it can", host, weighed(0.8, backing[:1], ()), Severity.WARNING,
            [one, *backing], (), name, "see who talks to whom: a backup, a copy, a flood; the host's sockets and its neighbours'",
            ProposedAction("network.sockets", {}, host), one.began_ms,
        )  # fmt: skip


def unreachable(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect targets that do not answer; many at once mean the host's own network."""
    failed = facts.bad(host, "probe_failed")
    if not failed:
        return
    answering = [one for one in facts.of(host, "probe_failed") if not one.is_bad]
    if len(failed) >= _SEVERAL and not answering:
        yield _unreachable(host, "network.down", "nothing that this host looks at answers", failed, "network", ())
        return
    for one in failed[:_SEVERAL]:
        target = one.keys.get("target", "")
        yield _unreachable(host, "service.unreachable", f"{target} does not answer", [one], target, answering[:1])


def _unreachable(
    host: str, cause: str, title: str, failed: list[Seen], about: str, answering: Sequence[Seen]
) -> Suspicion:
    return Suspicion(
        cause, title, host, weighed(0.7, failed[1:3], ()), Severity.HIGH, failed, answering, about,
        f"see whether {about} runs, and whether it is reachable from elsewhere",
        ProposedAction("network.sockets", {}, host), began(failed), "ProbeFailed",
    )  # fmt: skip


def late(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect targets that answer late."""
    failed = {one.keys.get("target") for one in facts.bad(host, "probe_failed")}
    for one in [each for each in facts.bad(host, "probe_latency") if each.keys.get("target") not in failed][:2]:
        target = one.keys.get("target", "")
        yield Suspicion(
            "service.slow", f"{target} answers late", host, weighed(0.6, (), ()), Severity.WARNING, [one], (), target,
            f"see what {target} does meanwhile, and whether the way to it is slow", None, one.began_ms,
        )  # fmt: skip


def ending(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect certificates that end soon."""
    for one in facts.bad(host, "certificates"):
        target, left = one.keys.get("target", ""), one.value("expires_in_seconds")
        title = (
            f"the certificate of {target} ends in {format_seconds(left)}"
            if left > 0
            else f"the certificate of {target} has ended"
        )
        yield Suspicion(
            "certificate.ending", title, host, weighed(0.95, (), ()), Severity.WARNING if left > 0 else Severity.HIGH,
            [one], (), target, f"see what renews the certificate of {target}, and why it did not", None, None,
            "CertificateExpires",
        )  # fmt: skip
