"""The settings: frozen sections, each field with its type, default, bounds, unit and one sentence for people.

A room receives its own section by constructor and nothing else; there is no global. ``config.load`` fills them from
flags, environment and files; ``config.schema`` and the reference page are made from the metadata here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nagare.config.anomalies import AnomalySettings
from nagare.config.diagnosis import DiagnosisSettings, KbSettings
from nagare.config.setting import setting
from nagare.config.statsd import StatsdSettings
from nagare.config.terminal import SshSettings, TopSettings
from nagare.config.ui import UiSettings


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``[server]``: the process that stores and answers."""

    listen: str = setting("127.0.0.1:8750", "address to listen on, HOST:PORT; port 0 picks a free one")
    tls: str = setting(
        "auto",
        "whether to serve TLS: auto does beyond loopback, always does on loopback too",
        choices=("auto", "always"),
    )
    insecure: bool = setting(False, "serve plain HTTP beyond loopback; only for a network you fully trust")
    tls_certificate_file: Path | None = setting(
        None, "your own certificate (PEM), then those between it and its authority; a private one is made unless set"
    )
    tls_key_file: Path | None = setting(None, "private key (PEM, without a passphrase) of server.tls_certificate_file")
    tls_ca_file: Path | None = setting(
        None, "authority (PEM) of server.tls_certificate_file that hosts are told to trust, unless their systems do"
    )
    tls_next_file: Path | None = setting(None, "next certificate or public keys (PEM), for hosts that keep the pin")
    public_url: str = setting(
        "",
        "URL of this server as people know it: for links in notifications (none where it is empty) and the way back from a login",
    )
    allowed_hosts: tuple[str, ...] = setting((), "further names that a request's Host header may carry")
    allowed_origins: tuple[str, ...] = setting((), "further origins that a browser may send requests from")
    trusted_proxies: tuple[str, ...] = setting(
        (), "networks of proxies whose X-Forwarded-For tells from where a request comes, such as 10.0.0.0/8"
    )
    announce: bool = setting(True, "announce the server by zeroconf when it listens beyond loopback")
    body_limit_bytes: int = setting(16 * 2**20, "largest request body as sent", unit="bytes", low=1024, high=2**30)
    unpacked_limit_bytes: int = setting(
        64 * 2**20, "largest request body after decompression", unit="bytes", low=1024, high=2**32
    )
    inflight_limit_bytes: int = setting(
        256 * 2**20, "bytes of bodies being taken in at one time; beyond it the answer is 503", unit="bytes", low=2**20
    )
    intake_limit: int = setting(
        128, "requests with samples worked on at one time; others are told to come again (503)", low=1, high=65536
    )
    host_values_per_second: float = setting(
        0.0, "values that one host may send a second; more is refused with Retry-After; 0 for any", low=0
    )
    host_values_burst: int = setting(1_000_000, "values that one host may send beyond that after a pause", low=1)
    values_per_second: float = setting(0.0, "values that all senders together may send a second; 0 for any", low=0)
    values_burst: int = setting(5_000_000, "values that they may send beyond that after a pause", low=1)
    connection_limit: int = setting(512, "live connections (WebSocket) at one time", low=1, high=65536)
    connection_queue_frames: int = setting(256, "frames waiting for one live connection", low=4, high=65536)
    stop_seconds: float = setting(10.0, "time that a clean stop may take", unit="seconds", low=0.1, high=300)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """``[storage]``: the metric store's files."""

    segment_limit_bytes: int = setting(
        64 * 2**20, "size at which a log segment ends", unit="bytes", low=4096, high=2**30
    )
    flush_seconds: float = setting(
        300.0, "longest time that rows stay only in the log and the head", unit="seconds", low=0.1, high=86400
    )
    flush_rows: int = setting(500_000, "rows in the head that start a flush", low=100, high=10**8)
    retention_seconds: float = setting(
        30 * 86400.0, "age at which raw rows are dropped and refused", unit="seconds", low=3600
    )
    retention_1m_seconds: float = setting(
        180 * 86400.0, "age at which rollups by the minute are dropped", unit="seconds", low=3600
    )
    retention_1h_seconds: float = setting(
        5 * 365 * 86400.0, "age at which rollups by the hour are dropped", unit="seconds", low=3600
    )
    retention_bytes: int = setting(
        0,
        "size of all raw blocks beyond which the oldest days are dropped, 0 for any; today stays",
        unit="bytes",
        low=0,
    )
    retention_1m_bytes: int = setting(0, "the same for rollups by the minute", unit="bytes", low=0)
    retention_1h_bytes: int = setting(0, "the same for rollups by the hour", unit="bytes", low=0)
    retention_commands_seconds: float = setting(
        5 * 365 * 86400.0, "age at which moved commands (commands.keep_seconds) are dropped", unit="seconds", low=3600
    )
    retention_commands_bytes: int = setting(0, "the same by size, as for raw blocks", unit="bytes", low=0)
    recompress_seconds: float = setting(
        7 * 86400.0, "age at which blocks are compressed again, better and slower; 0 for never", unit="seconds", low=0
    )
    recompress_level: int = setting(9, "level of zstd by which they are", low=1, high=22)
    future_seconds: float = setting(
        300.0, "how far ahead of the server a row may be", unit="seconds", low=0, high=86400
    )
    free_reserve_bytes: int = setting(
        64 * 2**20, "free space below which writing is refused, so that records and clean stops still work",
        unit="bytes", low=0,
    )  # fmt: skip
    scrub_bytes: int = setting(
        64 * 2**20, "bytes of blocks read from the disk and compared with their checksums every minute; 0 reads none",
        unit="bytes", low=0,
    )  # fmt: skip
    flush_samples_bytes: int = setting(
        64 * 2**20, "foreign samples in the head that start a flush, 20 bytes each", unit="bytes", low=2**16, high=2**36
    )
    series_limit: int = setting(
        1_000_000, "series of foreign samples in the installation; samples of more are refused", low=1, high=10**8
    )
    host_series_limit: int = setting(
        100_000, "series of foreign samples of one host; samples of more are refused", low=1, high=10**8
    )
    table_limit: int = setting(1000, "tables in the installation", low=32, high=100_000)
    column_limit: int = setting(500, "columns in a table", low=64, high=10_000)


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """``[bucket]``: where copies of all blocks are kept, S3 or a directory; ``metrics/`` is a cache of it then."""

    name: str = setting("", "S3 bucket that keeps the blocks; empty keeps them in metrics/ alone")
    directory: Path | None = setting(None, "directory in the place of an S3 bucket: another disk, a mounted share")
    prefix: str = setting("", "folder inside the bucket; each installation has one of its own")
    endpoint: str = setting("", "URL of an S3 service that is not Amazon's, such as https://minio.example:9000")
    region: str = setting("", "region of the bucket")
    access_key_file: Path | None = setting(
        None, "file with the access key; without it the usual AWS sources are asked (environment, profile, role)"
    )
    secret_key_file: Path | None = setting(None, "file with its secret key")
    insecure: bool = setting(
        False, "speak plain HTTP to an endpoint beyond loopback; only on a network you fully trust"
    )
    cache_limit_bytes: int = setting(
        20 * 2**30, "disk for blocks that are in the bucket too; the least used go first", unit="bytes", low=2**20
    )
    take_over: str = setting("", "id of a lost installation whose bucket this new one goes on with")

    @property
    def is_set(self) -> bool:
        """Whether there is a bucket."""
        return bool(self.name) or self.directory is not None


@dataclass(frozen=True, slots=True)
class RecordsSettings:
    """``[records]``: where hosts, users, tokens and the audit log are kept."""

    url: str = setting(
        "", "PostgreSQL database, such as postgresql://nagare@db.example/nagare; empty keeps them in records.db"
    )
    password_file: Path | None = setting(
        None,
        "file with its password, read at each connect; without it libpq's own sources are asked (PGPASSWORD, pgpass)",
    )
    connections: int = setting(4, "connections to it that read at one time, beside the one that writes", low=1, high=64)


@dataclass(frozen=True, slots=True)
class BusSettings:
    """``[bus]``: where streams of messages between rooms and servers are kept."""

    servers: tuple[str, ...] = setting(
        (), "NATS servers with JetStream, such as tls://nats1.example:4222; empty keeps the streams in bus.db"
    )
    user: str = setting("", "user there; its password is in bus.password_file")
    password_file: Path | None = setting(None, "file with the password of bus.user, read at each connect")
    token_file: Path | None = setting(None, "file with a token in the place of user and password, read at each connect")
    credentials_file: Path | None = setting(None, "credentials file (.creds: JWT and seed) in the place of both")
    tls_ca_file: Path | None = setting(None, "authority (PEM) of the NATS servers; the system's unless set")
    tls_certificate_file: Path | None = setting(None, "certificate (PEM) to show them, where they ask for one")
    tls_key_file: Path | None = setting(None, "private key (PEM, without a passphrase) of bus.tls_certificate_file")
    insecure: bool = setting(False, "speak without TLS beyond loopback; only on a network you fully trust")
    replicas: int = setting(1, "NATS servers that keep each stream; 3 survive the loss of one", low=1, high=5)
    connect_seconds: float = setting(10.0, "time for the first connect", unit="seconds", low=0.1, high=300)
    publish_seconds: float = setting(
        20.0, "time in which messages must be acknowledged, cuts and elections included",
        unit="seconds", low=0.1, high=300,
    )  # fmt: skip
    request_seconds: float = setting(
        10.0, "time for an answer to any other request, such as an ack", unit="seconds", low=0.1, high=300
    )


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """``[query]``: bounds of one SQL query and of all together."""

    deadline_seconds: float = setting(30.0, "time after which a query is stopped", unit="seconds", low=0.01, high=3600)
    row_limit: int = setting(100_000, "rows of one answer", low=1, high=10**8)
    memory_limit_bytes: int = setting(512 * 2**20, "memory of all queries together", unit="bytes", low=32 * 2**20)
    concurrency: int = setting(2, "queries that run at one time; the others wait", low=1, high=64)
    queue_limit: int = setting(64, "queries that may wait; beyond it the answer is 503", low=1, high=10_000)
    threads: int = setting(2, "threads of one query", low=1, high=256)


@dataclass(frozen=True, slots=True)
class LimitsSettings:
    """``[limits]``: how many requests may come; what hosts send is bounded by ``[server]``, failed logins beside it."""

    user_requests_per_minute: int = setting(
        6000, "requests that one user, all keys and sessions together, or one host may send in a minute; 0 for any",
        low=0, high=10**9,
    )  # fmt: skip
    address_requests_per_minute: int = setting(
        12_000, "requests that may come from one address in a minute, those of hosts not counted; 0 for any",
        low=0, high=10**9,
    )  # fmt: skip
    address_logins_per_minute: int = setting(
        100, "logins, good or bad, that may come from one address in a minute; 0 for any", low=0, high=10**9
    )
    keys_limit: int = setting(
        20_000, "users and addresses counted in memory at one time; beyond it the one not seen for longest is forgotten",
        low=100, high=10**7,
    )  # fmt: skip
    redis_url: str = setting(
        "",
        "Redis in which several servers count together, such as rediss://redis.example:6379/0; empty counts in memory",
    )
    redis_password_file: Path | None = setting(None, "file with its password, read at each connect")
    redis_prefix: str = setting("nagare", "what keys there begin with; each installation has one of its own")
    redis_timeout_seconds: float = setting(
        0.25, "time that it may take; after that the server counts in memory until Redis is back",
        unit="seconds", low=0.01, high=10,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """``[identity]``: how long users stay logged in."""

    access_seconds: float = setting(900.0, "life of an access token", unit="seconds", low=1, high=3600)
    refresh_seconds: float = setting(
        14 * 86400.0, "time without any use after which a session ends", unit="seconds", low=60, high=366 * 86400
    )
    session_seconds: float = setting(
        90 * 86400.0, "time after which a session ends though it is used", unit="seconds", low=60, high=366 * 86400
    )
    host_token_seconds: float = setting(
        30 * 86400.0, "age by which a host's token has a successor", unit="seconds", low=1, high=3660 * 86400
    )
    host_overlap_seconds: float = setting(
        7 * 86400.0, "time in which a host must use its new token, else the old one stays", unit="seconds", low=1
    )


@dataclass(frozen=True, slots=True)
class AcceptRule:
    """``[[fleet.auto_accept]]``: machines that join need no word from an operator when all of it holds."""

    name: str = setting("", "name of the rule, which the audit log tells")
    networks: tuple[str, ...] = setting((), "networks from which they connect, such as 10.2.0.0/16; empty is any")
    labels: Mapping[str, str] = setting(
        {}, "labels that their join token gives them; what an agent says does not count"
    )
    capabilities: tuple[str, ...] = setting((), "what they may beside sending metrics: commands, update")


@dataclass(frozen=True, slots=True)
class GroupRule:
    """``[[fleet.groups]]``: a group of hosts, beside those that labels `group` name."""

    name: str = setting("", "name of the group")
    text: str = setting("", "what the group is, in a sentence")
    labels: Mapping[str, str] = setting(
        {}, "hosts with all these labels are in it too; what only an agent says does not count; empty adds none"
    )


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """``[fleet]``: which machines may join."""

    auto_accept: tuple[AcceptRule, ...] = setting(
        (), "rules that let machines work at once, a table for each; contested names and copies always wait"
    )
    groups: tuple[GroupRule, ...] = setting((), "groups with what they are, and who is in them by other labels")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """``[oidc]``: logging in by an OpenID provider (Keycloak, Google, Dex, Authelia …)."""

    issuer: str = setting("", "URL of the provider, written exactly as it calls itself; empty offers no such login")
    client_id: str = setting("", "name under which the provider knows this server")
    client_secret_file: Path | None = setting(
        None, "file with the secret of that client, read at each login; without it the client is a public one"
    )
    scopes: tuple[str, ...] = setting(("openid", "profile", "email"), "what to ask the provider for")
    name: str = setting("", "what a button says; the provider's host name unless set")
    ca_file: Path | None = setting(None, "certificate authority of the provider; the system's unless set")
    user_claim: str = setting("preferred_username", "claim that names a new user")
    roles_claim: str = setting("groups", "claim that `roles` looks at; a dot goes into it: realm_access.roles")
    roles: Mapping[str, str] = setting(
        {}, 'role here for a value of that claim: {"ops" = "operator"}; "operator(db web)" limits it to groups of hosts'
    )
    default_role: str = setting(
        "", "role of those whom `roles` gives none; without both, roles are granted here and only linked users get in"
    )
    allowed_domains: tuple[str, ...] = setting(
        (), "domains of which a verified e-mail address is needed; empty needs none"
    )
    required_claims: Mapping[str, str] = setting({}, "claims that a login must have, with their values")
    make_users: bool = setting(True, "make a user of somebody who comes for the first time")
    password_login: bool = setting(True, "let users log in by password too")
    timeout_seconds: float = setting(
        10.0, "time that one answer of the provider may take", unit="seconds", low=0.1, high=60
    )
    login_seconds: float = setting(600.0, "time that a login in a browser may take", unit="seconds", low=30, high=3600)

    @property
    def is_set(self) -> bool:
        """Whether there is a provider."""
        return bool(self.issuer)

    @property
    def decides_roles(self) -> bool:
        """Whether roles come from the provider at each login."""
        return bool(self.roles or self.default_role)


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """``[[scrape]]``: exporters of one kind, pulled at one interval."""

    job: str = setting("", "name of the job, label `job` of its series; no two are alike")
    urls: tuple[str, ...] = setting((), "pages to read, such as http://10.0.0.5:9100/metrics")
    interval_seconds: float = setting(15.0, "time between two scrapes of a target", unit="seconds", low=0.2, high=86400)
    timeout_seconds: float = setting(
        0.0, "time that one scrape may take, never more than the interval; 0 is 10, or the interval where that is less",
        unit="seconds", low=0, high=600,
    )  # fmt: skip
    labels: Mapping[str, str] = setting({}, "labels of every series of the job")
    bearer_token_file: Path | None = setting(None, "file with a token to send, read again at each scrape")
    username: str = setting("", "name for basic authentication")
    password_file: Path | None = setting(None, "file with its password, read again at each scrape")
    ca_file: Path | None = setting(None, "certificate authority of https targets; the system's unless set")
    honor_labels: bool = setting(
        False, "labels of the page win over those of the job; else they get the prefix exported_"
    )
    honor_timestamps: bool = setting(
        True, "times that stand in the page are kept; else the time of the scrape is taken"
    )
    keep: tuple[str, ...] = setting((), "regular expressions of whole metric names to keep; empty keeps all")
    drop: tuple[str, ...] = setting((), "regular expressions of whole metric names to leave out")
    sample_limit: int = setting(
        50_000, "samples of one page; a scrape that brings more counts as failed", low=1, high=10**7
    )
    body_limit_bytes: int = setting(
        16 * 2**20, "largest page, also after decompression", unit="bytes", low=1024, high=2**30
    )

    @property
    def deadline_seconds(self) -> float:
        """The time that one scrape may take, whether it was set or not."""
        return self.timeout_seconds or min(10.0, self.interval_seconds)


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """``[[agent.probes]]``: one latency probe."""

    target: str = setting("", "host, host:port, URL, or name to resolve")
    kind: str = setting("icmp", "what to send", choices=("icmp", "tcp", "http", "dns"))
    count: int = setting(1, "tries at each collection", low=1, high=20)
    timeout_seconds: float = setting(2.0, "time that one try may take", unit="seconds", low=0.05, high=30)
    resolver: str = setting("", "name server to ask (dns), else the system's")
    expect_status: int = setting(0, "HTTP status that counts as success; 0 takes any below 400", low=0, high=599)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """``[agent]``: what a host collects and where it sends it."""

    server: str = setting("", "URL of the server; empty takes this installation's own from run/")
    token_file: Path | None = setting(None, "file with the token to register with; empty takes run/token")
    join_token_file: Path | None = setting(
        None, "file (0600) with a join token, which names the server too; it is spent when the host has joined"
    )
    server_pin: str = setting("", "SHA-256 of the server's public key in hex; no credential is sent before it matches")
    name: str = setting("", "name of this host; empty takes the system's host name")
    interval_seconds: float = setting(5.0, "time between collections", unit="seconds", low=0.2, high=3600)
    intervals: Mapping[str, float] = setting(
        {}, "interval of single collectors, by name", unit="seconds", low=0.2, high=86400
    )
    disabled: tuple[str, ...] = setting((), "collectors not to run")
    timeout_seconds: float = setting(10.0, "time that one collection may take", unit="seconds", low=0.1, high=600)
    process_top: int = setting(10, "processes kept by CPU, by memory and by input/output", low=1, high=500)
    command_lines: str = setting(
        "masked", "command lines of processes: masked keeps the program, full keeps all, off keeps none",
        choices=("masked", "full", "off"),
    )  # fmt: skip
    labels: Mapping[str, str] = setting({}, "labels of this host")
    probes: tuple[ProbeTarget, ...] = setting((), "targets of latency probes")
    spool_limit_bytes: int = setting(
        256 * 2**20, "disk for batches that wait for the server; near it old ones are thinned, beyond it dropped and told",
        unit="bytes", low=2**16,
    )  # fmt: skip
    spool_limit_seconds: float = setting(
        7 * 86400.0, "age at which waiting batches are dropped; the server is told later", unit="seconds", low=60
    )
    retry_limit_seconds: float = setting(
        10.0, "longest delay before a server that was away is tried again; the return of a fleet spreads over it",
        unit="seconds", low=0.5, high=600,
    )  # fmt: skip
    backlog_batches_per_second: float = setting(
        20.0, "batches that waited and go to the server again, a second; live ones go ahead", low=0.1, high=10_000
    )
    backlog_bytes_per_second: int = setting(2 * 2**20, "bytes of them, a second", unit="bytes", low=1024, high=2**30)
    updates: bool = setting(True, "let the server update this agent, if the host was given the capability update")
    update_interval_seconds: float = setting(
        300.0, "time between two questions for an update, give or take a half", unit="seconds", low=0.1, high=86400
    )
    update_root: Path | None = setting(
        None, "file with the root of updates to trust; empty trusts the first that the server shows"
    )
    trial_seconds: float = setting(
        120.0, "time in which a new version must deliver its first batch", unit="seconds", low=1, high=3600
    )
    trial_gate_seconds: float = setting(
        60.0, "time that it must stay up after that, before it takes over", unit="seconds", low=0, high=3600
    )
    proc: Path = setting(Path("/proc"), "where the kernel's process tree is")
    sys: Path = setting(Path("/sys"), "where the kernel's device tree is")


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """``[commands]``: actions beside the shipped ones, and what an agent runs of them."""

    actions: Path | None = setting(None, "folder of own actions, a TOML file each; the same on the server and the host")
    policy: Path = setting(
        Path("/etc/nagare/policy.toml"), "file that says what this host runs; without it nothing runs"
    )
    keep_seconds: float = setting(
        30 * 86400.0,
        "time after which jobs that have ended move from the records into blocks",
        unit="seconds",
        low=3600,
    )
    key_grace_seconds: float = setting(
        7 * 86400.0,
        "time in which hosts learn a new key of commands before it signs, and in which the old one is taken afterwards",
        unit="seconds",
        low=60,
    )
    running_limit: int = setting(4, "commands that run on a host at one time; others wait", low=1, high=64)
    waiting_limit: int = setting(32, "commands that wait on a host; more are refused", low=1, high=1000)
    kept_bytes: int = setting(
        64 * 2**20, "disk of an agent for results that the server has not acknowledged; beyond it the oldest lose their output",
        unit="bytes", low=2**20,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """``[tasks]``: work that the server does by itself, or on a schedule."""

    workers: int = setting(2, "worker processes at one time; 0 leaves their tasks to other servers", low=0, high=64)
    waiting_limit: int = setting(100, "tasks at one time that only wait, as for commands to end", low=0, high=10_000)
    idle_seconds: float = setting(60.0, "time without a task after which a worker ends", unit="seconds", low=1)
    memory_limit_bytes: int = setting(
        2**30, "memory of one worker, beyond which its task is ended", unit="bytes", low=64 * 2**20
    )
    lease_seconds: float = setting(
        30.0, "time after which the task of a server that says nothing is another's", unit="seconds", low=3, high=3600
    )
    open_limit: int = setting(10_000, "tasks that have not ended; more are refused", low=1, high=10**6)
    owner_open_limit: int = setting(1_000, "the same of one owner, schedules and keys included", low=1, high=10**6)
    kept_seconds: float = setting(
        30 * 86400.0, "time that tasks which ended are kept in the records", unit="seconds", low=3600
    )
    backup_directory: Path | None = setting(
        None, "where tasks of the kind backup write; better on another disk; without it there are none"
    )
    export_limit_bytes: int = setting(
        8 * 2**30, "size of one export of a query, and of all together; the oldest go first", unit="bytes", low=2**20
    )
    export_seconds: float = setting(7 * 86400.0, "age at which an export goes", unit="seconds", low=60)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """``[alerts]``: rules over the metrics, and the alerts that they make."""

    rules: Path | None = setting(None, "folder of own rules, TOML files; read again when one changes")
    shipped: bool = setting(True, "judge the rules that come with the package")
    notify_file: Path | None = setting(None, "who is told of alerts, a TOML file; read again when it changes")
    foreign_seconds: float = setting(
        5 * 3600.0,
        "time after which an alert of a foreign sender is over that said nothing more of it",
        unit="seconds",
        low=60,
    )
    kept_seconds: float = setting(
        90 * 86400.0, "time that closed alerts are kept in the records", unit="seconds", low=86400
    )


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """``[client]``: how commands reach a server."""

    server: str = setting("", "URL of the server; empty takes this installation's own from run/")
    token_file: Path | None = setting(None, "file with the token; empty takes run/token")
    ca_file: Path | None = setting(None, "certificate authority that signed the server's certificate")
    logins: Path | None = setting(None, "folder of the logins; empty takes the user's state directory")
    keyring: bool = setting(True, "keep the tokens of logins in the desktop's keyring where there is one")
    # Longer than a query may take at the server, whose word about a slow one is the better one.
    deadline_seconds: float = setting(40.0, "time that one request may take", unit="seconds", low=0.1, high=3600)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """``[log]``: what the processes say on stderr."""

    level: str = setting("info", "least severity written", choices=("debug", "info", "warning", "error"), restart=False)
    format: str = setting("text", "lines for people or JSON for machines", choices=("text", "json"))


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections, and the directory that names the installation."""

    data: Path
    scrape: tuple[ScrapeJob, ...] = setting((), "exporters to pull, a table for each job", restart=False)
    server: ServerSettings = field(default_factory=ServerSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    bucket: BucketSettings = field(default_factory=BucketSettings)
    records: RecordsSettings = field(default_factory=RecordsSettings)
    bus: BusSettings = field(default_factory=BusSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    identity: IdentitySettings = field(default_factory=IdentitySettings)
    fleet: FleetSettings = field(default_factory=FleetSettings)
    oidc: OidcSettings = field(default_factory=OidcSettings)
    statsd: StatsdSettings = field(default_factory=StatsdSettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    commands: CommandSettings = field(default_factory=CommandSettings)
    tasks: TaskSettings = field(default_factory=TaskSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    anomalies: AnomalySettings = field(default_factory=AnomalySettings)
    diagnosis: DiagnosisSettings = field(default_factory=DiagnosisSettings)
    kb: KbSettings = field(default_factory=KbSettings)
    client: ClientSettings = field(default_factory=ClientSettings)
    top: TopSettings = field(default_factory=TopSettings)
    ssh: SshSettings = field(default_factory=SshSettings)
    ui: UiSettings = field(default_factory=UiSettings)
    log: LogSettings = field(default_factory=LogSettings)
