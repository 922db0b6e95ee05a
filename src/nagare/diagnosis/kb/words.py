"""Text of operations in words: camel case, snake case, units, codes and product names, each as people write them.

What an alert says is prose, a name in camel case, a metric's name, and numbers that nobody else will ever write; all of
it becomes the same stems here, for pages and for questions alike. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nagare.diagnosis.kb.stems import stem

# One page cannot be made to cost more than this.
TOKENS_LIMIT = 200_000
_WORD_LIMIT = 64
_PIECE = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_HAS_HUMPS = re.compile(r"[a-z0-9][A-Z]|[A-Z]{2}[a-z]{2}")
_NUMBER = re.compile(r"\d+")
# 48ms, 95p, 16GiB: a number and its unit written as one word.
_WITH_UNIT = re.compile(r"(\d+)([a-zA-Zµ]{1,4})")
# Codes that mean the same wherever they stand: of HTTP, exits and ports. Other numbers are of the moment.
_CODE = re.compile(r"[1-5]\d\d|\d{4,5}")
_CLASS = re.compile(r"[2-5]xx", re.IGNORECASE)
_SIGN_WORDS = {"%": "percent", "°": "degree"}
_SIGNS = re.compile("[%°]")
# Written as one word whatever its letters are; their humps say nothing.
_WHOLE_WORDS = """
postgresql mysql mariadb mongodb rabbitmq activemq elasticsearch opensearch clickhouse influxdb questdb cockroachdb
couchdb dynamodb timescaledb scylladb haproxy coredns openvpn wireguard github gitlab argocd iscsi dnssec javascript
typescript openshift graphql nodejs datadog pagerduty victoriametrics grafana alertmanager prometheus statefulset
daemonset configmap replicaset ipv4 ipv6 raid1 raid5 raid6 raid10 pgbouncer openldap freeipa hdfs mapreduce youtube
macos nvme inode inodes
"""
_WHOLE = frozenset(_WHOLE_WORDS.split())
# Products whose own humps are none: PostgreSQLReplicationLag is PostgreSQL, replication and lag.
_PRODUCT = re.compile(
    "PostgreSQL|MySQL|MariaDB|MongoDB|RabbitMQ|ActiveMQ|ElasticSearch|OpenSearch|ClickHouse|InfluxDB|CockroachDB|TimescaleDB|HAProxy|"
    "CoreDNS|OpenVPN|WireGuard|GitHub|GitLab|ArgoCD|JavaScript|OpenShift|DaemonSet|StatefulSet|ReplicaSet|ConfigMap|PgBouncer|NodeJS"
)
_UNITS = {
    "ms": "millisecond", "msec": "millisecond", "msecs": "millisecond", "us": "microsecond", "µs": "microsecond",
    "s": "second", "sec": "second", "secs": "second", "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour",
    "kb": "kilobyte", "kib": "kilobyte", "mb": "megabyte", "mib": "megabyte", "gb": "gigabyte", "gib": "gigabyte",
    "tb": "terabyte", "tib": "terabyte", "pct": "percent", "percentage": "percent", "celsius": "degree", "degc": "degree",
    "rps": "rps", "qps": "rps", "tps": "rps", "iops": "iops", "mbps": "bitrate", "gbps": "bitrate", "kbps": "bitrate",
    "rpm": "rpm", "h": "hour", "d": "day", "m": "minute", "c": "degree", "b": "byte", "k": "kilobyte", "g": "gigabyte",
}  # fmt: skip
# Only behind a number are these units.
_BEHIND_NUMBERS = frozenset({"s", "h", "d", "m", "c", "b", "k", "g"})
# Words of every text: they tell no page from another, and of no question what it is about.
_COMMON_WORDS = """
a about above after again all also am an and any are as at be because been before being below between both but by can
cannot could did do does doing done don each either else ever every few for from get gets getting give given go goes
going gone got had has have having he her here him his how however i if in into is it its itself just let like made
make makes making many may me might more most much must my need needs neither never no nor not now of off often on
once one only or other our out over own per please quite rather really s same see seems seen shall she should since so
some such t take takes than that the their them then there these they this those though through thus to too under
until up upon us use used using usually very via want was way we well were what when where whether which while who
whom whose why will with within without would yet you your page runbook alert alerts alerting alertname firing fires
fired severity warning critical info instance summary description following example check checks checking currently
last first least new minutes minute hours hour seconds second day days time times percent value values current
"""
COMMON = frozenset(map(stem, _COMMON_WORDS.split()))


def words(text: str) -> list[str]:
    """Return the stems of ``text`` in their order, a compound name's parts behind the whole; at most ``TOKENS_LIMIT``."""
    found = list[str]()
    for word in _words(text):
        found.append(word)
        if len(found) >= TOKENS_LIMIT:
            break
    return found


def _words(text: str) -> Iterator[str]:
    behind_number = False
    for match in _PIECE.finditer(_SIGNS.sub(lambda sign: f" {_SIGN_WORDS[sign[0]]} ", text)):
        piece = match[0]
        if len(piece) > _WORD_LIMIT:
            behind_number = False
            continue
        yield from _split(piece, behind_number=behind_number)
        behind_number = piece.isdigit()


def _split(piece: str, *, behind_number: bool) -> Iterator[str]:
    lower = piece.lower()
    if _NUMBER.fullmatch(piece):
        if _CODE.fullmatch(piece):
            yield piece
        return
    if _CLASS.fullmatch(piece) or lower in _WHOLE:
        yield _one(lower, behind_number=behind_number)
        return
    measured = _WITH_UNIT.fullmatch(piece)
    if measured and measured[2].lower() in _UNITS:
        yield stem(_UNITS[measured[2].lower()])
        return
    parts = [part for half in piece.split("_") for part in _humps(half)]
    if len(parts) > 1:
        yield lower.replace("_", "")
        for part in parts:
            if not part.isdigit():
                yield _one(part.lower(), behind_number=False)
    else:
        yield _one(lower, behind_number=behind_number)


def _humps(half: str) -> list[str]:
    if half.lower() in _WHOLE or not _HAS_HUMPS.search(half):
        return [half]
    return _HUMP.findall(_PRODUCT.sub(lambda found: found[0].capitalize(), half))


def _one(lower: str, *, behind_number: bool) -> str:
    if lower in _UNITS and (behind_number or lower not in _BEHIND_NUMBERS):
        return stem(_UNITS[lower])
    return stem(lower)
