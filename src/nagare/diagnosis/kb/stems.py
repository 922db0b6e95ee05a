"""A light stemmer of English: plurals, tenses and the nouns made of verbs, so that expiring, expired and expiration meet.

Lighter than Porter's in what it knows and bolder in what it cuts: stems are compared with each other and shown to nobody.
"""

from __future__ import annotations

from functools import lru_cache

_SHORTEST = 3
_VOWELS = frozenset("aeiouy")
# The longest first; each with what stands in its place. A stem that gets shorter than three letters keeps its ending.
_ENDINGS = (
    ("ifications", "ify"), ("abilities", ""), ("ibilities", ""), ("ification", "ify"), ("ability", ""), ("ibility", ""),
    ("ified", "ify"), ("ifies", "ify"), ("ifying", "ify"), ("izations", ""), ("isations", ""), ("ization", ""), ("isation", ""), ("izing", ""), ("ising", ""), ("ations", ""),
    ("nesses", ""), ("ation", ""), ("ators", ""), ("ating", ""), ("ments", ""), ("ities", ""), ("ences", ""),
    ("ances", ""), ("ated", ""), ("ates", ""), ("ator", ""), ("ness", ""), ("ions", ""), ("ence", ""), ("ency", ""),
    ("ance", ""), ("ancy", ""), ("ized", ""), ("ised", ""), ("able", ""), ("ible", ""), ("ings", ""), ("ment", ""),
    ("ity", ""), ("ies", "y"), ("ied", "y"), ("ate", ""), ("ize", ""), ("ise", ""), ("ing", ""), ("ion", ""), ("ers", ""),
    ("eds", ""), ("ed", ""), ("es", ""), ("er", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip
# What would be cut wrongly, and forms that no rule brings together; both sides are lower case.
_KNOWN = {
    "expiry": "expir", "expiries": "expir", "down": "down", "dns": "dns", "tls": "tls", "ssl": "ssl", "aws": "aws", "ups": "ups",
    "bytes": "byte", "cpus": "cpu", "status": "status", "less": "less", "loss": "loss", "lost": "loss", "losses": "loss",
    "losing": "loss", "process": "process", "processes": "process", "access": "access", "address": "address",
    "kubernetes": "kubernetes", "postgres": "postgres", "redis": "redis", "nfs": "nfs", "lvs": "lvs", "ddos": "ddos",
    "series": "series", "latency": "latency", "latencies": "latency", "server": "server", "servers": "server",
    "number": "number", "numbers": "number", "user": "user", "users": "user", "other": "other", "after": "after",
    "buffer": "buffer", "buffers": "buffer", "power": "power", "timer": "timer", "timers": "timer", "broker": "broker",
    "brokers": "broker", "cluster": "cluster", "clusters": "cluster", "counter": "counter", "router": "router",
    "failure": "fail", "failures": "fail", "broken": "break", "broke": "break", "slower": "slow", "slowness": "slow",
    "full": "full", "fuller": "full", "nearly": "near", "stale": "stale", "written": "write", "wrote": "write", "ran": "run",
    "running": "run", "runs": "run", "froze": "freez", "frozen": "freez", "stuck": "stick", "hung": "hang", "grew": "grow",
    "grown": "grow", "sent": "send", "kept": "keep", "rose": "rise", "risen": "rise", "fell": "fall", "fallen": "fall",
    "died": "die", "dead": "die", "dying": "die", "dies": "die", "queue": "queue", "queues": "queue", "queued": "queue",
    "queueing": "queue", "queuing": "queue", "disk": "disk", "disks": "disk", "disc": "disk", "discs": "disk",
    "replica": "replica", "replicas": "replica", "replication": "replic", "replicate": "replic", "indices": "index",
    "indexes": "index", "bus": "bus", "gas": "gas", "os": "os", "ios": "ios", "https": "https", "analysis": "analysis",
    "memory": "memory", "memories": "memory", "battery": "battery", "batteries": "battery", "entropy": "entropy",
}  # fmt: skip


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the stem of a word in lower case; what is short, or holds a digit, stays as it is."""
    known = _KNOWN.get(word)
    if known is not None:
        return known
    if len(word) <= _SHORTEST or not word.isascii() or not word.isalpha():
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            cut = word[: -len(ending)]
            if _keeps(cut, ending):
                return _tidy(cut + instead)
    return word


def _keeps(cut: str, ending: str) -> bool:
    if len(cut) < _SHORTEST or _VOWELS.isdisjoint(cut):
        return False
    # "address", "status" and "analysis" are no plurals; "bus" was known.
    return ending != "s" or cut[-1] not in "sui"


def _tidy(cut: str) -> str:
    if len(cut) > _SHORTEST and cut[-1] == cut[-2] and cut[-1] not in "lsz":
        return cut[:-1]
    return cut[:-1] if len(cut) > _SHORTEST and cut.endswith("e") else cut
