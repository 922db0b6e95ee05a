"""Frames of every version that was ever spoken: today's code reads them all, and writes what yesterday's reads.

A golden file is never edited. A later version gets a folder of its own.
"""

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

import nagare.wire
from nagare.wire import (
    agent_status,
    alerts,
    audit,
    auth,
    batch,
    bundles,
    cardinality,
    codec,
    command_jobs,
    command_keys,
    commands,
    diagnosis,
    events,
    gaps,
    groups,
    heartbeats,
    hosts,
    identity,
    joining,
    live,
    maintenance,
    messages,
    models,
    notes,
    notify,
    oidc,
    problem,
    queries,
    rollouts,
    sql,
    system,
    targets,
    tasks,
    updates,
    users,
)
from tests.support.source import ROOT

GOLDEN = ROOT / "tests" / "golden" / "wire"
KINDS: dict[str, Any] = {
    "batch": batch.Batch,
    "batch_reply": batch.BatchReply,
    "event_request": events.EventRequest,
    "event_view": events.EventView,
    "event_list": events.EventList,
    "event_ids": events.EventIds,
    "alert_list": alerts.AlertList,
    "alert_view": alerts.AlertView,
    "alert_detail": alerts.AlertDetail,
    "why_view": alerts.WhyView,
    "alert_deed": alerts.AlertDeed,
    "silence_request": alerts.SilenceRequest,
    "silence_view": alerts.SilenceView,
    "silence_list": alerts.SilenceList,
    "rule_view": alerts.RuleView,
    "rule_list": alerts.RuleList,
    "saved_rule_view": alerts.RuleView,
    "saved_rule_list": alerts.RuleList,
    "rule_request": alerts.RuleRequest,
    "rule_check_request": alerts.RuleCheckRequest,
    "rule_check_list": alerts.RuleCheckList,
    "heartbeat_ping": heartbeats.HeartbeatPing,
    "heartbeat_view": heartbeats.HeartbeatView,
    "heartbeat_list": heartbeats.HeartbeatList,
    "notification_list": notify.NotificationList,
    "notification_detail": notify.NotificationDetail,
    "incident_list": notify.IncidentList,
    "incident_detail": notify.IncidentDetail,
    "receivers_view": notify.ReceiversView,
    "tested_receiver": notify.TestedReceiver,
    "diagnose_request": diagnosis.DiagnoseRequest,
    "diagnosis_view": diagnosis.DiagnosisView,
    "diagnosis_list": diagnosis.DiagnosisList,
    "prompt_list": diagnosis.PromptList,
    "exchange_list": models.ExchangeList,
    "trial_view": models.TrialView,
    "removed": models.Removed,
    "message_request": messages.MessageRequest,
    "message_reply": messages.MessageReply,
    "pulse_note": heartbeats.PulseNote,
    "task_request": tasks.TaskRequest,
    "task_view": tasks.TaskView,
    "task_list": tasks.TaskList,
    "task_line": tasks.TaskLine,
    "kind_list": tasks.KindList,
    "schedule_request": tasks.ScheduleRequest,
    "schedule_patch": tasks.SchedulePatch,
    "schedule_view": tasks.ScheduleView,
    "schedule_list": tasks.ScheduleList,
    "host_list": hosts.HostList,
    "ticket_reply": identity.TicketReply,
    "greeting": system.Greeting,
    "system_metrics": system.SystemMetrics,
    "register_request": hosts.RegisterRequest,
    "register_reply": hosts.RegisterReply,
    "group_list": groups.GroupList,
    "agent_status": agent_status.AgentStatus,
    "gap_list": gaps.GapList,
    "note_request": notes.NoteRequest,
    "note_list": notes.NoteList,
    "window_request": maintenance.WindowRequest,
    "window_list": maintenance.WindowList,
    "host_view": hosts.HostView,
    "host_patch": hosts.HostPatch,
    "host_accept": hosts.HostAccept,
    "standing": hosts.Standing,
    "host_presentation": hosts.HostPresentation,
    "token_renewal": hosts.TokenRenewal,
    "renewed_token": hosts.RenewedToken,
    "renewal_count": hosts.RenewalCount,
    "join_token_request": joining.JoinTokenRequest,
    "join_token_view": joining.JoinTokenView,
    "join_token_list": joining.JoinTokenList,
    "join_address": joining.JoinAddress,
    "problem": problem.Problem,
    "sql_request": sql.SqlRequest,
    "sql_reply": sql.SqlReply,
    "table_view": sql.TableView,
    "health": system.Health,
    "server_note": system.ServerNote,
    "status": system.Status,
    "target_list": targets.TargetList,
    "cardinality_reply": cardinality.CardinalityReply,
    "query_costs": queries.QueryCosts,
    "audit_list": audit.AuditList,
    "audit_head": audit.AuditHead,
    "audit_line": audit.AuditLine,
    "login_request": auth.LoginRequest,
    "refresh_request": auth.RefreshRequest,
    "logout_request": auth.LogoutRequest,
    "token_reply": auth.TokenReply,
    "me": auth.Me,
    "session_list": auth.SessionList,
    "ended": auth.Ended,
    "key_request": auth.KeyRequest,
    "key_view": auth.KeyView,
    "key_list": auth.KeyList,
    "key_rotation": auth.KeyRotation,
    "access_claims": identity.AccessClaims,
    "jwk_set": identity.JwkSet,
    "user_request": users.UserRequest,
    "user_patch": users.UserPatch,
    "password_request": users.PasswordRequest,
    "grant_request": users.GrantRequest,
    "user_list": users.UserList,
    "user_view": users.UserView,
    "login_methods": oidc.LoginMethods,
    "device_request": oidc.DeviceRequest,
    "device_reply": oidc.DeviceReply,
    "device_poll": oidc.DevicePoll,
    "device_state": oidc.DeviceState,
    "link_request": oidc.LinkRequest,
    "role_request": users.RoleRequest,
    "role_view": users.RoleView,
    "role_list": users.RoleList,
    "agent_manifest": bundles.AgentManifest,
    "update_root": updates.SignedRoot,
    "update_targets": updates.SignedTargets,
    "update_timestamp": updates.SignedTimestamp,
    "update_trust": updates.Trust,
    "update_report": rollouts.UpdateReport,
    "update_offer": rollouts.UpdateOffer,
    "publish_request": rollouts.PublishRequest,
    "updates_view": rollouts.UpdatesView,
    "rollout_request": rollouts.RolloutRequest,
    "rollout_view": rollouts.RolloutView,
    "rollout_list": rollouts.RolloutList,
    "command_envelope": commands.CommandEnvelope,
    "command_keys": commands.CommandKeys,
    "command_keys_signed": commands.SignedCommandKeys,
    "command_key_lists": commands.CommandKeyLists,
    "command_keys_view": command_keys.CommandKeysView,
    "command_key_rotation": command_keys.RotateCommandKey,
    "command_keys_offered": commands.ToAgent,
    "command_dispatch": commands.ToAgent,
    "command_cancel": commands.ToAgent,
    "command_credit": commands.ToAgent,
    "command_result_ack": commands.ToAgent,
    "command_ready": commands.FromAgent,
    "command_receipt": commands.FromAgent,
    "command_started": commands.FromAgent,
    "command_output": commands.FromAgent,
    "command_ended": commands.FromAgent,
    "action_list": command_jobs.ActionList,
    "job_request": command_jobs.JobRequest,
    "check_view": command_jobs.CheckView,
    "job_view": command_jobs.JobView,
    "job_list": command_jobs.JobList,
    "job_approve": command_jobs.Approve,
    "job_reject": command_jobs.Reject,
    "follow_state": command_jobs.FollowLine,
    "follow_output": command_jobs.FollowLine,
    "follow_job": command_jobs.FollowLine,
    "frame_subscribe": live.ClientFrame,
    "frame_unsubscribe": live.ClientFrame,
    "frame_authenticate": live.ClientFrame,
    "frame_hello": live.ServerFrame,
    "frame_subscribed": live.ServerFrame,
    "frame_rows": live.ServerFrame,
    "frame_event": live.ServerFrame,
    "frame_host": live.ServerFrame,
    "frame_message": live.ServerFrame,
    "frame_error": live.ServerFrame,
}
FILES = sorted(GOLDEN.glob("v*/*.json"))


def _kind(path: Path) -> Any:
    return KINDS[path.stem.removesuffix("_minimal")]


def _missing(old: Any, new: Any, place: str = "$") -> list[str]:
    """Return what stands in ``old`` and not in ``new``: ``new`` may only have more keys."""
    if isinstance(old, dict) and isinstance(new, dict):
        lost = [f"{place}.{key}" for key in old if key not in new]
        return lost + [
            fault for key in old.keys() & new.keys() for fault in _missing(old[key], new[key], f"{place}.{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [fault for index, (left, right) in pairs for fault in _missing(left, right, f"{place}[{index}]")]
    return [] if old == new and type(old) is type(new) else [f"{place}: {old!r} became {new!r}"]


def test_every_kind_of_frame_has_its_golden_file() -> None:
    assert {path.stem.removesuffix("_minimal") for path in GOLDEN.glob("v1/*.json")} == set(KINDS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_golden_frame_reads_and_writes_back(path: Path) -> None:
    content = path.read_bytes()
    value = codec.decode(content, _kind(path))
    assert _missing(json.loads(content), json.loads(codec.encode(value))) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_field_of_tomorrow_is_ignored(path: Path) -> None:
    content = json.loads(path.read_bytes())
    later = codec.decode(json.dumps({**content, "field_of_tomorrow": {"a": [1]}}), _kind(path))
    assert later == codec.decode(path.read_bytes(), _kind(path))


def test_every_message_has_its_golden_file() -> None:
    whole = {kind for value in KINDS.values() for kind in (get_args(value) or (value,))}
    # These stand inside others (Columns in a batch), or are kept in the log, whose own format has tests of its own.
    inside = {
        # Of others, who say what they have: the tests of their codecs hold their forms.
        "AlertmanagerAlert",
        "AlertmanagerWebhook",
        "PostedAlert",
        "Refusal",
        "QueueStatus",
        "SentStatus",
        "CommandsStatus",
        "TurnView",
        "RuleCheck",
        "RuleReplay",
        "RuleEpisode",
        "WhyStep",
        "SqlColumn",
        "ColumnView",
        "GapView",
        "GroupView",
        "NoteView",
        "RecurrenceDocument",
        "WindowView",
        "RolloutWait",
        "StoreStatus",
        "BucketStatus",
        "BusStatus",
        "ConsumerLag",
        "MetricValue",
        "TargetView",
        "AuditView",
        "CardinalityRow",
        "QueryCost",
        "SessionView",
        "GrantView",
        "PermissionView",
        "IdentityView",
        "OidcMethod",
        # What an OpenID provider says, which is no message of ours.
        "Discovery",
        "Jwks",
        "Tokens",
        "DeviceCode",
        "Jwk",
        "LogRecord",
        "_Envelope",
        "Columns",
        "WideRecord",
        "Signature",
        "PublicKey",
        "RoleKeys",
        "Root",
        "Bundle",
        "Targets",
        "FileState",
        "Timestamp",
        "Metadata",
        "DocumentView",
        "RolloutHost",
        "Secret",
        "CommandStanding",
        "KeyList",
        "CommandKeyView",
        "ParameterView",
        "ActionView",
        "Batches",
        "StreamView",
        "CommandView",
        # How an agent looks at a batch of its own; never sent.
        "BatchOutline",
        "KindView",
        # Arguments of kinds of tasks, and what a server and its worker say to each other, which are of one version.
        "VerifyArguments",
        "CommandArguments",
        "BackupArguments",
        "QueryArguments",
        "Installation",
        "Order",
        "Answer",
        "Progress",
        "Call",
        "Finished",
        "Broken",
        "Keep",
        # What monitors of others answer, in their words.
        "ZabbixTag",
        "ZabbixProblem",
        "ZabbixHost",
        "ZabbixTrigger",
        "ZabbixEnd",
        "PrometheusAlert",
        "PrometheusAlerts",
        "PrometheusTarget",
        "PrometheusTargets",
        "PrometheusRuntime",
        "PrometheusAnswer",
        "FigureView",
        "EvidenceView",
        "ExchangeView",
        "PromptView",
        "ProposalView",
        "FindingView",
        "StruckView",
        "UsageView",
        "PerfView",
        "DiagnosisBrief",
        "NotificationView",
        "NotificationLine",
        "AttemptView",
        "IncidentView",
        "ChannelView",
        "ReceiverView",
        "RotationView",
        "StepView",
        "EscalationView",
        "MuteView",
        "RouteView",
    }
    found = {
        kind
        for module in pkgutil.iter_modules(nagare.wire.__path__, "nagare.wire.")
        for kind in vars(importlib.import_module(module.name)).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.name
    }
    assert {kind.__name__ for kind in found - whole} == inside
