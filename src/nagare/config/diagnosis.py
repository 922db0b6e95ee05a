"""``[diagnosis]``: which model is asked, if any, what it may cost, and how long what it said is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nagare.config.setting import setting


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """``[diagnosis]``: without a provider no model is asked, and diagnoses come from rules and statistics alone."""

    automatic: bool = setting(True, "diagnose critical alerts when they fire, and keep what was found with them")
    queue_limit: int = setting(
        100, "critical alerts that may wait for their diagnosis; beyond it the oldest are left out", low=1, high=10_000
    )
    concurrency: int = setting(2, "diagnoses made at one time; the others wait", low=1, high=64)
    waiting_limit: int = setting(16, "diagnoses that may wait; beyond it the answer is 503", low=1, high=1000)
    deadline_seconds: float = setting(
        20.0, "time that one diagnosis may take, without a model", unit="seconds", low=0.5, high=600
    )
    pages_seconds: float = setting(
        1.5,
        "time that one diagnosis waits for the knowledge base; what is not found by then is left out",
        unit="seconds",
        low=0.1,
        high=60,
    )
    evidence_limit: int = setting(80, "pieces of evidence that one diagnosis keeps", low=5, high=500)
    links: tuple[str, ...] = setting(
        ("depends_on", "upstream", "gateway", "switch", "hypervisor", "rack"),
        "labels of hosts that name what a host hangs on: other hosts, or a thing that several share",
    )
    redact: tuple[str, ...] = setting(
        (), "regular expressions of what is taken out of evidence, beside secrets, tokens and mail addresses"
    )
    kept_seconds: float = setting(
        90 * 86400.0, "time that diagnoses are kept in the records", unit="seconds", low=86400
    )
    provider: str = setting(
        "none", "whose models are asked: none, Gemini, or an endpoint that speaks as OpenAI's does (local models too)",
        choices=("none", "gemini", "openai"),
    )  # fmt: skip
    model: str = setting("", "name of the model, as its provider knows it")
    endpoint: str = setting(
        "",
        "URL that the provider answers at, such as http://127.0.0.1:11434/v1; empty is Google's own for gemini, and none for openai",
    )
    secret_file: Path | None = setting(None, "file with the key of the provider, read at each diagnosis")
    secret_variable: str = setting("", "variable of the environment with that key, in the place of a file")
    ca_file: Path | None = setting(None, "certificate authority of the endpoint; the system's unless set")
    insecure: bool = setting(
        False, "speak plain HTTP to an endpoint beyond loopback; only on a network you fully trust"
    )
    prompt_price: float = setting(
        0.0, "what a million tokens of prompts cost, in US dollars; 0 for a model of your own", low=0, high=10_000
    )
    answer_price: float = setting(0.0, "what a million tokens of answers cost, in US dollars", low=0, high=10_000)
    token_limit: int = setting(
        200_000, "tokens of one diagnosis, prompts and answers of all calls together", low=1000, high=10**8
    )
    cost_limit: float = setting(0.5, "what one diagnosis may cost, in US dollars; 0 for any", low=0, high=1000)
    answer_tokens: int = setting(4096, "tokens of one answer", low=256, high=65536)
    call_seconds: float = setting(
        60.0, "time that one call may take, retries not counted", unit="seconds", low=1, high=600
    )
    total_seconds: float = setting(
        180.0, "time that the model's part of one diagnosis may take", unit="seconds", low=1, high=3600
    )
    investigators: str = setting(
        "many", "whether investigators of metrics, changes, logs, topology and knowledge work side by side, or one does all",
        choices=("many", "one"),
    )  # fmt: skip
    step_limit: int = setting(8, "pieces of evidence that one investigator may ask for", low=0, high=100)
    log_seconds: float = setting(
        30 * 86400.0, "time that what was said to a model and by it is kept", unit="seconds", low=3600
    )


def check_diagnosis(diagnosis: DiagnosisSettings) -> str:
    """Return what is wrong with ``[diagnosis]`` as a whole, or nothing."""
    if diagnosis.provider == "none":
        return ""
    if not diagnosis.model:
        return "a provider needs a model"
    if diagnosis.secret_file and diagnosis.secret_variable:
        return "give secret_file or secret_variable, not both"
    if diagnosis.provider == "openai" and not diagnosis.endpoint:
        return "the provider openai needs an endpoint, such as http://127.0.0.1:11434/v1"
    if diagnosis.provider == "gemini" and not (diagnosis.secret_file or diagnosis.secret_variable):
        return "the provider gemini needs secret_file or secret_variable"
    return _plain_fault(diagnosis)


def _plain_fault(diagnosis: DiagnosisSettings) -> str:
    parts = urlsplit(diagnosis.endpoint)
    if parts.scheme != "http" or _is_near(parts.hostname or "") or diagnosis.insecure:
        return ""
    return (
        f"{parts.hostname} would be spoken to without TLS: write https://, or set diagnosis.insecure on a network"
        " you fully trust"
    )


def _is_near(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


@dataclass(frozen=True, slots=True)
class KbSettings:
    """``[kb]``: the knowledge base of runbooks, past incidents and notes."""

    directories: tuple[str, ...] = setting(
        (), "directories below which users may have pages read; the owner of this installation may name any"
    )
    sync_seconds: float = setting(
        900.0, "time after which every source is read again; 0 for only when somebody says so", unit="seconds", low=0
    )
    embeddings: str = setting(
        "auto",
        "whether a model orders what fits: auto does where the extra nagare[embeddings] is installed",
        choices=("auto", "off"),
    )
