"""Targets as they follow from the configuration: one address with all that a scrape of it needs. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import urlsplit

from nagare.config.settings import ScrapeJob
from nagare.model.samples import host_of

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """One page that is read again and again. ``labels`` go to each of its series: job, instance and the job's own."""

    url: str
    settings: ScrapeJob
    labels: Mapping[str, str]

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same target after a reload."""
        return self.settings.job, self.url

    @property
    def instance(self) -> str:
        """HOST:PORT, unless the job's labels say otherwise."""
        return self.labels["instance"]

    @property
    def host(self) -> str:
        """The host that its series are about."""
        return host_of(self.labels)

    def offset_ratio(self) -> float:
        """Return where in the interval it is read, in [0, 1): a hash of its key, so that targets spread evenly."""
        digest = hashlib.blake2b("\n".join(self.key).encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Which metrics of a page are kept: named by ``keep`` when there is any, and not by ``drop``."""

    keep: re.Pattern[str] | None = None
    drop: re.Pattern[str] | None = None

    def takes(self, name: str) -> bool:
        """Tell whether the metric is kept; patterns match the whole name."""
        if self.keep is not None and self.keep.fullmatch(name) is None:
            return False
        return self.drop is None or self.drop.fullmatch(name) is None


def make_filter(job: ScrapeJob) -> MetricFilter:
    """Return the filter of a job."""
    return MetricFilter(_union(job.keep), _union(job.drop))


def targets_of(jobs: Iterable[ScrapeJob]) -> Iterator[Target]:
    """Yield every target of every job."""
    for job in jobs:
        for url in job.urls:
            labels = {"job": job.job, "instance": _instance(url), **job.labels}
            # Without its neighbours: a URL more in the job changes nothing for this target.
            yield Target(url, replace(job, urls=()), MappingProxyType(labels))


def _instance(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{f'[{host}]' if ':' in host else host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def _union(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
