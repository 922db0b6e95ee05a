"""The page of the server's own numbers, as ``GET /metrics`` tells them."""

from __future__ import annotations

from nagare.wire.system import StoreStatus

GAUGES = {
    "nagare_build_info": "always 1; label `version`",
    "nagare_uptime_seconds": "time since the server listens",
    "nagare_cpu_seconds_total": "CPU seconds of the process",
    "nagare_memory_bytes": "resident set of the process",
    "nagare_live_connections": "live connections (WebSocket)",
    "nagare_inflight_bytes": "bytes of bodies being taken in",
    "nagare_certificate_expiry_seconds": "time until the served certificate (label `certificate`: server, authority) ends, below zero once it has",
    "nagare_limits_redis_away": "1 while requests are counted in memory because Redis cannot be reached",
    "nagare_hosts": "registered hosts; label `state`: up, stale, down, unknown",
    "nagare_scrape_targets": "scrape targets; label `state`: up, down, unknown",
    "nagare_commands": "commands of jobs that are open; label `state`",
    "nagare_command_agents": "agents that are connected for commands",
    "nagare_command_followers": "followers of jobs",
    "nagare_tasks": "tasks that are kept; label `state`",
    "nagare_task_workers": "worker processes of tasks",
    "nagare_alerts": "open alerts; labels `state`, `severity` (0 info to 3 critical)",
    "nagare_alert_rules": "rules that hold",
    "nagare_alert_rules_failing": "rules that could not be judged when their moment came last",
    "nagare_alert_rules_judged_here": "1 while this server judges rules: of several one does",
    "nagare_alert_rules_delay_seconds": "how late a rule was judged last, the greatest of all rules",
    "nagare_alert_rules_took_seconds": "time that the statement of a rule took last, the greatest of all rules",
    "nagare_incidents": "open incidents, at the server that judges",
    "nagare_notifications_waiting": "notifications that wait to be sent, or are on their way",
    "nagare_notifications_oldest_waiting_seconds": "time since that of them was made which waits for the longest",
    "nagare_bus_answers": "1 while the bus answers",
    "nagare_bus_waiting_messages": "messages never delivered to a consumer; labels `stream`, `consumer`",
    "nagare_bus_unacked_messages": "messages that are out and that nobody acked yet; labels `stream`, `consumer`",
    "nagare_statsd_names": "StatsD names with their tags that are kept now",
}
STORE = {
    "log_bytes": "size of the log",
    "head_rows": "rows in memory that stand in no block yet",
    "block_count": "blocks of raw rows that count",
    "block_bytes": "size of the blocks of raw rows",
    "rows_total": "rows stored since the start",
    "batches_total": "batches stored since the start",
    "duplicates_total": "batches that were known already",
    "refused_rows_total": "rows refused one by one",
    "queries_total": "queries answered or refused",
    "query_failures_total": "queries that failed",
    "head_samples": "foreign samples in memory that stand in no block yet",
    "samples_total": "foreign samples stored since the start",
    "series": "series of foreign samples that count",
    "disk_free_bytes": "free space of the data directory's device",
    "is_writable": "1 while batches are taken",
    "oldest_ms": "time of the oldest row, Unix milliseconds",
    "newest_ms": "time of the newest row, Unix milliseconds",
    "scrubbed_bytes_total": "bytes of blocks that the scrub read again and compared",
    "quarantined_total": "blocks set aside since the start because their bytes had changed",
    "unverified_bytes": "size of the blocks that were not compared with their checksums since the start",
    "rollup_blocks": "blocks of rollups that count",
    "rollup_block_bytes": "size of the blocks of rollups",
    "rollup_lag_seconds": "time since the end of the oldest hour whose rollups lack rows; some minutes are usual",
    "rollup_failures_total": "pieces of rollups that could not be made and are tried again",
}
# Those of a server with a bucket.
BUCKET = {
    "objects": "objects in the bucket: blocks and files of series",
    "pending_blocks": "blocks that wait to be sent",
    "pending_bytes": "size of the blocks that wait to be sent",
    "uploaded_bytes_total": "bytes of blocks sent",
    "fetched_bytes_total": "bytes of blocks fetched for queries, merges and rollups",
    "fetched_blocks_total": "blocks fetched",
    "evicted_blocks_total": "blocks removed here because the bucket has them and the cache is full",
    "removed_blocks_total": "blocks removed from the bucket after they were replaced or dropped",
    "failures_total": "rounds that failed; what waits is tried again",
}
# Of each agent, label `host`, as the newest row of its table `agent` says; before that batch came there is none.
AGENTS = {
    "spool_bytes": "bytes that wait on the host for the server",
    "spool_limit_bytes": "bytes that may wait there",
    "spool_batches": "batches that wait there",
    "spool_oldest_seconds": "age of the oldest of them, zero when none waits",
    "batches_sent_total": "batches that the agent had acknowledged",
    "batches_resent_total": "batches that it sent once more, for want of an answer",
    "batches_thinned_total": "batches that it left out so that others keep their room",
    "batches_dropped_total": "batches that it dropped for want of room or for their age",
    "batches_damaged_total": "batches that did not read back from its disk",
    "send_failures_total": "attempts to send that failed",
}
# Counters appear when they first count.
COUNTERS = {
    "nagare_server_requests_total": "requests answered",
    "nagare_server_hot_requests_total": "requests answered the short way, because their head was known",
    "nagare_server_batches_total": "batches acknowledged",
    "nagare_server_histograms_refused_total": "native histograms that remote write brought and that are not stored",
    "nagare_server_refusals_not_recorded_total": "refused attempts that the audit log could not keep: its disk was full or broken",
    "nagare_audit_entries_total": "entries of the audit log written",
    "nagare_audit_refusals_total": "refused attempts, of which floods are counted in one entry",
    "nagare_audit_overloads_total": "changes refused because too many audit entries waited for the disk",
    "nagare_server_exemplars_dropped_total": "exemplars that remote write brought and that are not stored",
    "nagare_hub_connections_opened_total": "live connections opened",
    "nagare_hub_connections_refused_total": "live connections refused at the limit",
    "nagare_hub_frames_dropped_total": "frames that slow connections lost",
    "nagare_server_intake_refused_total": "requests with samples that were told to come again, because too many were worked on",
    "nagare_bodies_bodies_refused_overload_total": "bodies refused because too many were being taken in",
    "nagare_ingest_refused_by_host_limit_total": "requests refused because their host had sent too many values",
    "nagare_ingest_refused_by_total_limit_total": "requests refused because all senders together had sent too many values",
    "nagare_limits_refused_by_user_limit_total": "requests refused because their user or host had sent too many",
    "nagare_limits_refused_by_address_limit_total": "requests refused because too many had come from their address",
    "nagare_limits_refused_by_login_limit_total": "logins refused because too many had come from their address, good ones too",
    "nagare_limits_keys_forgotten_total": "users and addresses whose counts were forgotten at the limit",
    "nagare_limits_redis_failures_total": "times that Redis did not count a request within its deadline",
    "nagare_identity_tickets_dropped_total": "tickets for live connections dropped at the limit",
    "nagare_identity_logins_total": "logins by password or OpenID provider",
    "nagare_identity_logins_failed_total": "logins by either that failed",
    "nagare_identity_oidc_dropped_total": "logins by OpenID provider that had begun and were forgotten at the limit",
    "nagare_identity_oidc_throttled_total": "requests to log in by OpenID provider refused because one address sent too many",
    "nagare_identity_logins_throttled_total": "logins refused because too many had failed",
    "nagare_identity_throttle_dropped_total": "users and addresses whose failures were forgotten at the limit",
    "nagare_identity_sessions_opened_total": "sessions opened",
    "nagare_identity_refresh_replays_total": "sessions ended because a refresh token was used twice",
    "nagare_metrics_batches_total": "batches given to the store",
    "nagare_metrics_rows_total": "rows stored",
    "nagare_metrics_duplicates_total": "batches that were known already",
    "nagare_metrics_refused_rows_total": "rows refused one by one",
    "nagare_metrics_samples_total": "foreign samples stored",
    "nagare_metrics_duplicate_samples_total": "foreign samples that were known already",
    "nagare_metrics_refused_samples_stale_total": "foreign samples older than raw retention",
    "nagare_metrics_refused_samples_future_total": "foreign samples ahead of the server's clock",
    "nagare_metrics_refused_samples_cardinality_total": "foreign samples of more series than are taken",
    "nagare_metrics_foreign_rows_total": "lines of the line protocol stored",
    "nagare_metrics_refused_foreign_rows_total": "lines refused one by one",
    "nagare_metrics_events_total": "events stored",
    "nagare_metrics_exports_total": "queries whose answer is written to a file",
    "nagare_metrics_queries_total": "queries given to the store",
    "nagare_metrics_query_failures_total": "queries that failed",
    "nagare_metrics_query_seconds_total": "time that queries took",
    "nagare_automation_announcements_failed_total": "tasks that could not be announced on the bus at once",
    "nagare_automation_tasks_announced_again_total": "tasks announced again because the bus had lost the word of them",
    "nagare_automation_tasks_taken_over_total": "tasks taken over from a server that was gone",
    "nagare_automation_attempts_fenced_total": "attempts that ended because their lease could not be kept",
    "nagare_automation_events_failed_total": "events of tasks that could not be stored",
    "nagare_automation_moments_overlapped_total": "moments of schedules passed over because an earlier run was not over",
    "nagare_automation_moments_missed_total": "moments of schedules at which no server was up, not made up for",
    "nagare_automation_moments_run_total": "moments of schedules at which a task was made",
    "nagare_automation_tasks_refused_total": "tasks refused because as many of their owner, or of all, had not ended",
    "nagare_automation_workers_started_total": "worker processes started",
    "nagare_automation_workers_ended_total": "worker processes ended in the middle of a task",
    "nagare_alerting_statements_total": "statements of rules asked",
    "nagare_alerting_rules_judged_total": "rules judged",
    "nagare_alerting_rules_failed_total": "rules that could not be judged",
    "nagare_alerting_rounds_failed_total": "rounds of judging that failed and are made again, such as for want of the records",
    "nagare_alerting_foreign_taken_total": "alerts that foreign senders told of, repeats with them",
    "nagare_alerting_foreign_steps_total": "changes that came of what foreign senders told",
    "nagare_alerting_foreign_refused_total": "alerts of foreign senders that were to come again, because too many waited or were open",
    "nagare_alerting_conflicts_total": "answers whose alerts somebody else had changed meanwhile; they are read again",
    "nagare_alerting_write_backs_sent_total": "things done here that were written back to who told of the alert",
    "nagare_alerting_write_backs_failed_total": "tries of that which failed, and are made again",
    "nagare_alerting_write_backs_unreachable_total": "times at which the system that is written to could not be asked at all",
    "nagare_alerting_write_backs_given_up_total": "things that were not written back, as an event `alert.not_written_back` tells",
    "nagare_alerting_monitored_taken_in_total": "alerts that a look at a monitor found and nobody had told of",
    "nagare_alerting_monitored_ended_total": "alerts that ended because their monitor has them no more",
    "nagare_alerting_monitored_failed_total": "looks at monitors that failed",
    "nagare_alerting_house_failed_total": "rounds of looking after silences and old alerts that failed",
    "nagare_alerting_heartbeats_total": "heartbeats that came",
    "nagare_alerting_pulses_sent_total": "signs of life of this server that were sent to who watches it",
    "nagare_alerting_pulses_failed_total": "those that could not be sent, or were not because rules were not judged lately",
    "nagare_alerting_notices_total": "notices made: of each one notification goes to each channel of its receiver",
    "nagare_alerting_notifications_sent_total": "notifications that their channels took",
    "nagare_alerting_notifications_failed_total": "tries to send a notification that came to nothing",
    "nagare_alerting_notifications_dead_total": "notifications that were given up: refused, too old, or too many waited",
    "nagare_alerting_notifications_dropped_total": "notifications whose channel is not in the configuration any more",
    "nagare_alerting_outbox_failed_total": "tries that could not be made, read or noted, such as for want of the records; they are made again",
    "nagare_alerting_plans_failed_total": "looks whom to tell what that failed and are made again",
    "nagare_alerting_incidents_skipped_total": "incidents that could not be kept while others could; they are tried again",
    "nagare_alerting_foreign_age_failed_total": "rounds of ending what foreign senders tell of no more that failed",
    "nagare_alerting_events_dropped_total": "events of alerts dropped because too many waited for the disk",
    "nagare_bus_dead_letters_total": "messages given up on",
    "nagare_bus_messages_rejected_total": "messages refused because their stream was full",
    "nagare_bus_messages_removed_total": "messages removed because of their age, or to make room",
    "nagare_bus_ids_forgotten_early_total": "ids of repeats forgotten before the window of their stream had passed",
    "nagare_bus_jobs_refused_total": "requests refused because too many waited for the bus",
    "nagare_bus_groups_failed_total": "groups of requests that the disk did not take",
    "nagare_bus_live_messages_dropped_total": "messages that those who look on live lost",
    "nagare_bus_disconnects_total": "connections to NATS lost",
    "nagare_bus_reconnects_total": "connections to NATS made again",
    "nagare_bus_connection_faults_total": "faults that NATS told of a connection",
    "nagare_bus_messages_sent_again_total": "messages sent to NATS again because no answer came",
    "nagare_bus_publishes_given_up_total": "publishes that NATS did not acknowledge in time",
    "nagare_commands_agents_connected_total": "connections of agents for commands",
    "nagare_commands_agents_replaced_total": "connections that ended because their host opened another",
    "nagare_commands_agents_too_slow_total": "connections that ended because the agent did not read",
    "nagare_commands_frames_foreign_total": "frames about commands that are not of the host that sent them",
    "nagare_commands_frames_refused_total": "frames that say what cannot be",
    "nagare_commands_frames_failed_total": "frames that ended their connection: unlawful, or not to be kept on the disk",
    "nagare_commands_results_conflicting_total": "results that came when the end of their command was known already, as another one",
    "nagare_commands_follower_bytes_dropped_total": "bytes of live output that slow followers lost",
    "nagare_commands_jobs_moved_total": "jobs that left the records for blocks",
    "nagare_commands_moves_failed_total": "rounds in which jobs could not be moved; they stay in the records",
    "nagare_commands_events_dropped_total": "events of commands dropped because too many waited for the disk",
    "nagare_scrape_scrapes_total": "scrapes made",
    "nagare_scrape_failures_total": "scrapes that brought no page, or one that could not be read",
    "nagare_scrape_missed_total": "scrapes never made because the one before took longer than the interval",
    "nagare_scrape_samples_total": "samples that scrapes stored, reports and marks among them",
    "nagare_scrape_refused_samples_total": "samples of scrapes that the store refused",
    "nagare_scrape_append_failures_total": "scrapes that could not be stored",
    "nagare_scrape_event_failures_total": "events of targets that could not be stored",
    "nagare_statsd_datagrams_total": "StatsD datagrams read",
    "nagare_statsd_lines_total": "StatsD lines read",
    "nagare_statsd_malformed_lines_total": "StatsD lines that could not be read",
    "nagare_statsd_refused_datagrams_total": "StatsD datagrams of senders outside `statsd.networks`",
    "nagare_statsd_dropped_datagrams_total": "StatsD datagrams dropped because `statsd.queue_limit` waited",
    "nagare_statsd_kernel_drops_total": "StatsD datagrams that the kernel dropped: its buffer was full",
    "nagare_statsd_dropped_lines_total": "StatsD lines of names past `statsd.series_limit`",
    "nagare_statsd_dropped_members_total": "members of StatsD sets past the bound of an interval",
    "nagare_statsd_samples_total": "samples that StatsD flushes stored",
    "nagare_statsd_refused_samples_total": "samples of StatsD flushes that the store refused",
    "nagare_statsd_append_failures_total": "StatsD flushes that could not be stored",
    "nagare_metrics_flushes_total": "flushes of the head to blocks",
}
_TOP = """# The server's own numbers

Written by `make docs`. `GET /metrics` tells them as Prometheus text (or OpenMetrics, by `Accept`), `GET /api/v1/system/metrics` as
JSON; both need the permission `system.read`. A scrape job:

```yaml
scrape_configs:
  - job_name: nagare
    authorization: { credentials_file: /var/lib/nagare/run/token }
    static_configs: [{ targets: ["127.0.0.1:8750"] }]
```

What agents measured on hosts is not here: it is asked for in [SQL](../how-to/query-recipes.md).

| name | |
| --- | --- |
"""


def told_name(field: str) -> str:
    """Return the name that a field of the store's status has among the metrics."""
    return "nagare_store_" + ("blocks" if field == "block_count" else field)


def metrics_page() -> str:
    """Return the page."""
    numbers = [name for name in StoreStatus.__struct_fields__ if name not in ("damages", "bucket")]
    bucket = {f"nagare_bucket_{name}": text for name, text in BUCKET.items()}
    agents = {f"nagare_agent_{name}": f"{text}; label `host`" for name, text in AGENTS.items()}
    rows = {**GAUGES, **agents, **{told_name(name): STORE[name] for name in numbers}, **bucket, **COUNTERS}
    return _TOP + "".join(f"| `{name}` | {text} |\n" for name, text in rows.items())
