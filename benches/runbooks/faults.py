"""What can be wrong: how pages describe each fault, and how alerts tell of it. No alert has the words of a page's title."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """``title`` is for pages only; ``signs``, ``causes`` and ``steps`` are sentences of pages, ``told`` of alerts.

    In ``told`` stand ``{thing}``, ``{host}``, ``{camel}`` and figures of the moment.
    """

    slug: str
    title: str
    signs: tuple[str, ...]
    causes: tuple[str, ...]
    steps: tuple[str, ...]
    told: tuple[str, ...]


FAULTS = (
    Fault("storage-exhaustion", "Storage exhaustion",
          ("The data volume has next to no room left, and writes begin to fail with ENOSPC.",
           "df shows the file system of the data directory above 95 percent."),
          ("Old files are not rotated.", "Somebody loaded a large data set.", "Deleted files are still held open."),
          ("Move what is old to cheaper storage.", "Grow the volume by a quarter.", "Find what grows with `du -xh --max-depth=2`."),
          ("{thing} on {host}: only {small}% disk space remaining on /data", "{camel}VolumeFillingUp {host} mountpoint=/var/lib used={high}%",
           "Partition of {thing} ({host}) is {high} % used, {small} GiB available", "{host} filesystem nearly out of space ({thing})")),
    Fault("memory-exhaustion", "Memory exhaustion",
          ("The resident set grows until the kernel kills the process.", "The OOM killer wrote its name into dmesg."),
          ("A leak in the last release.", "The cache is larger than the machine.", "One request loads everything at once."),
          ("Lower the size of the cache.", "Restart it by night until the leak is mended.", "Take a profile of the heap."),
          ("{camel}OOMKilled on {host}, exit code 137", "{thing} at {host} uses {high}% of RAM", "available memory on {host} ({thing}) down to {small} MiB",
           "{host}: {thing} working set {high} percent of its limit")),
    Fault("processor-saturation", "Processor saturation",
          ("All cores are busy and the run queue is longer than their number.", "Everything waits for its turn on the CPU."),
          ("More requests than usual.", "A loop that never ends.", "A scan of everything was begun."),
          ("Look where time goes with `perf top`.", "Bound it with CPUQuota.", "Spread the load over more machines."),
          ("CPU usage of {thing} on {host} above {high}% for 15m", "{camel}HighCpuLoad {host} load1={big}", "{host}: {thing} cpu utilisation pegged at {high} %",
           "load average {big} on {host}, {thing} hot")),
    Fault("unreachable", "Not reachable",
          ("Nobody gets an answer, and the port is closed.", "The health check fails on every try."),
          ("The process has died.", "A firewall rule was changed.", "The machine is off."),
          ("See whether the unit runs: `systemctl status`.", "Start it and watch its first lines.", "Ask the console of the machine."),
          ("{thing} on {host} is down", "{camel}Down instance={host} up == 0", "connection refused by {thing} at {host}:{port}",
           "{host}: {thing} does not respond to probes since 5m")),
    Fault("slow-answers", "Slow answers",
          ("People wait for seconds where it was milliseconds.", "The 99th percentile of the response time has gone up tenfold."),
          ("A plan or an index changed.", "The disk below is slow.", "Too many wait for the same lock."),
          ("Find the slowest ten of the last hour.", "Compare with yesterday's chart.", "Shed what is not urgent."),
          ("p99 latency of {thing} {big} s on {host}", "{camel}HighLatency {host} quantile=0.95 value={ms}ms", "requests to {thing} ({host}) take longer than {ms} ms",
           "{host}: slow responses from {thing}, await {ms} ms")),
    Fault("failed-requests", "Failed requests",
          ("A good part of the calls ends in an exception.", "Clients see 500 and 503 instead of what they asked for."),
          ("A release that does not fit its configuration.", "What stands behind it is away.", "A limit of the client was reached."),
          ("Read the newest stack trace.", "Roll back the last release.", "Switch the feature off by its flag."),
          ("{camel}ErrorRate {high} percent 5xx on {host}", "{thing} at {host} returns errors for {small}% of calls", "{host}: error ratio of {thing} {small} %, threshold 1 %",
           "unsuccessful operations on {thing} ({host}) rising")),
    Fault("replica-behind", "Replica behind",
          ("A follower applies changes later than the primary makes them.", "What is read from a standby is minutes old."),
          ("A long write of much data.", "The network between the sites is full.", "The follower's disk is slower."),
          ("Compare the positions of both ends.", "Send readers to the primary meanwhile.", "Build the follower anew from a copy."),
          ("{camel}ReplicationLag {host} {ms} seconds", "{thing} replica {host} is {ms}s behind its leader", "{host}: standby of {thing} lagging, delay {ms} s",
           "secondary {host} of {thing} not caught up")),
    Fault("certificate-runs-out", "Certificate runs out",
          ("Clients refuse the connection because the TLS certificate is no longer valid.", "The validity ends within days."),
          ("The renewal by ACME failed.", "It was made by hand a year ago.", "A proxy in front keeps the old one."),
          ("Look at it: `openssl s_client -connect HOST:PORT`.", "Order a new one and reload.", "Check the timer of certbot."),
          ("{camel}CertExpirySoon {host} {small} days left", "x509 cert of {thing} on {host} expires in {small} days", "{host}: SSL for {thing} will expire soon",
           "TLS of {thing} ({host}): notAfter in {small}d")),
    Fault("too-many-clients", "Too many clients",
          ("New clients are turned away, because every slot is taken.", "The pool has nothing left to give."),
          ("Clients do not close what they open.", "A pool on each of many workers.", "A storm after a restart."),
          ("Count the clients by address.", "End those that idle.", "Put a pooler between."),
          ("{camel}ConnectionsExhausted {host} {high}/100", "{thing} on {host}: {high}% of max connections in use", "too many open sessions at {thing} ({host})",
           "{host}: {thing} connection limit nearly reached")),
    Fault("backup-missing", "Backup missing",
          ("There is no copy of last night.", "The dump ended before its end, or it never began."),
          ("The target has no room.", "The timer was switched off.", "Credentials of the target were changed."),
          ("Run it by hand and watch.", "Restore the newest into a scratch place.", "Tell the owner how much would be lost."),
          ("{camel}BackupTooOld {host} last success {big}h ago", "snapshot of {thing} on {host} did not complete", "{host}: no recent backup of {thing}",
           "nightly dump job for {thing} ({host}) failed")),
)  # fmt: skip
