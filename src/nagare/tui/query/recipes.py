"""Questions that people ask first, ready to be run: the same that docs/how-to/query-recipes.md explains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """A question, its statement, and the time that it looks at, as an address writes it."""

    title: str
    sql: str
    window: str = "-1h"


RECIPES = (
    Recipe(
        "Which hosts worked hardest in the last hour?",
        """select host, round(avg(busy_ratio), 3) busy, max(busy_ratio) peak
  from cpu where core = 'all' group by host order by busy desc""",
    ),
    Recipe(
        "How busy was each host, minute by minute? (v draws it)",
        """select time_bucket('1m', ts) as minute_of, host, avg(busy_ratio) as busy_ratio
  from cpu where core = 'all' group by all order by all""",
    ),
    Recipe(
        "What ate the CPU in the last minutes?",
        """select name, user, round(avg(cpu_ratio), 2) cores, max(memory_bytes) memory_bytes
  from process group by name, user order by cores desc limit 10""",
        "-10m",
    ),
    Recipe(
        "Which disks will be full, at the pace of the last day?",
        """select host, mount, round(max(used_ratio), 3) used,
    round((1 - max(used_ratio)) * max(total_bytes) / nullif(regr_slope(used_bytes, epoch(ts)), 0) / 86400, 1) days_left
  from disk group by host, mount having regr_slope(used_bytes, epoch(ts)) > 0 order by days_left""",
        "-1d",
    ),
    Recipe(
        "Which disks are fuller than that?",
        "select host, mount, used_ratio from disk where used_ratio > $most",
        "-5m",
    ),
    Recipe(
        "The newest row of every host",
        "select * from (select *, row_number() over (partition by host order by ts desc) n from load) where n = 1",
    ),
    Recipe(
        "The traffic of half a year, a day a row",
        """select host, interface, ts::date as day,
    max(received_bytes_total_last) - min(received_bytes_total_last) received_bytes
  from network_1h group by all order by all""",
        "-180d",
    ),
    Recipe(
        "Bytes over a link, from counters, robust to a reboot",
        """with steps as (select host, interface, received_bytes_total
    - lag(received_bytes_total) over (partition by host, interface order by ts) step from network)
  select host, interface, sum(step) filter (step >= 0) received_bytes from steps group by host, interface""",
        "-1d",
    ),
    Recipe(
        "Samples beside the nearest event",
        """select e.ts, e.host, e.text, l.load1 from events e asof join load l
  on e.host = l.host and e.ts >= l.ts where e.kind = 'unit.failed'""",
        "-1d",
    ),
)
