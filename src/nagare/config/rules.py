"""What a single value's type cannot say: addresses, names and fingerprints that are written wrong.

Each rule is told the value and returns what is wrong with it, or nothing; ``config.load`` adds where the value stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from nagare.config.coerce import BadValueError
from nagare.config.settings import AcceptRule, BusSettings, GroupRule, OidcSettings, ScrapeJob
from nagare.errors import InvalidLabelError
from nagare.lib.names import check_host
from nagare.model.host import CAPABILITIES

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_GROUP = re.compile(r"[^\x00-\x20\x7f,]{1,100}")
_RULE_NAME_LIMIT = 64
_PIN = re.compile(r"[0-9a-fA-F]{64}")


def _listen(value: str) -> str:
    host, separator, port = value.strip().rpartition(":")
    if not separator or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        return "not HOST:PORT, such as 127.0.0.1:8750 or [::1]:8750"
    return ""


def _address(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return "not a URL, such as https://ops.example.net:8750"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "not an http or https URL, such as https://ops.example.net:8750"
    # A secret in a URL ends in logs and process lists.
    return "it carries a user or a password; give a token file instead" if "@" in parts.netloc else ""


def _database(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "not a URL, such as postgresql://nagare@db.example/nagare"
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        return "not the URL of a PostgreSQL database, such as postgresql://nagare@db.example/nagare"
    return "it carries a password; give records.password_file instead" if _has_password(parts) else ""


def _has_password(parts: SplitResult) -> bool:
    in_query = "password" in (name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return parts.password is not None or in_query


def _redis(value: str) -> str:
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "not a URL, such as rediss://redis.example:6379/0"
    if parts.scheme not in ("redis", "rediss", "unix") or not (parts.hostname or parts.scheme == "unix"):
        return "not the URL of a Redis, such as rediss://redis.example:6379/0"
    return "it carries a password; give limits.redis_password_file instead" if _has_password(parts) else ""


def _nats(value: tuple[str, ...]) -> str:
    for url in value:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return "one is no URL, such as tls://nats1.example:4222"
        if "@" in parts.netloc:
            return "one carries a user, a password or a token; give bus.user and a file instead"
        if parts.scheme not in ("nats", "tls") or not parts.hostname or port == 0 or parts.path.strip("/"):
            return "one is not the URL of a NATS server, such as tls://nats1.example:4222"
    return "" if len(set(value)) == len(value) else "one stands there twice"


def check_bus(bus: BusSettings) -> str:
    """Return what is wrong with ``[bus]`` as a whole, or nothing."""
    ways = [bus.user or bus.password_file, bus.token_file, bus.credentials_file]
    if sum(map(bool, ways)) > 1:
        return "give user with password_file, or token_file, or credentials_file, or none"
    if bool(bus.user) != (bus.password_file is not None):
        return "user and password_file belong together"
    if (bus.tls_certificate_file is None) != (bus.tls_key_file is None):
        return "tls_certificate_file and tls_key_file belong together"
    far = [url for url in bus.servers if not url.startswith("tls:") and not _is_near(urlsplit(url).hostname or "")]
    if far and not bus.insecure:
        return (
            f"{far[0]} would be spoken to without TLS: write tls://, or set bus.insecure on a network you fully trust"
        )
    return ""


def _prefix(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value) else "not 1 to 64 letters, digits, dots, dashes"


def _host(value: str) -> str:
    if not value:
        return ""
    try:
        check_host(value)
    except InvalidLabelError as error:
        return error.message.partition(": ")[2]
    return ""


def _pin(value: str) -> str:
    return (
        ""
        if not value or _PIN.fullmatch(value.strip().lower().removeprefix("sha256:").replace(":", ""))
        else "not a SHA-256 in hex, 64 digits"
    )


def _optional_listen(value: str) -> str:
    return _listen(value) if value else ""


def _networks(value: tuple[str, ...]) -> str:
    for text in value:
        try:
            ip_network(text)
        except ValueError:
            return f"{text!r} is no network, such as 10.0.0.0/8"
    return ""


def _labels(value: Mapping[str, str]) -> str:
    bad = [name for name in value if not _LABEL.fullmatch(name) or name.startswith("__")]
    return f"{bad[0]!r} is no label name: letters, digits and underscores are lawful" if bad else ""


def _scrape(jobs: tuple[ScrapeJob, ...]) -> str:
    names: set[str] = set()
    for index, job in enumerate(jobs):
        fault = _job(job) or ("another job has that name" if job.job in names else "")
        if fault:
            return f"job {job.job or index!r}: {fault}"
        names.add(job.job)
    return ""


def _job(job: ScrapeJob) -> str:
    if not job.job or not job.urls:
        return "give both job and urls"
    if len(set(job.urls)) < len(job.urls):
        return "a URL stands there twice"
    if bool(job.username) != (job.password_file is not None) or (job.username and job.bearer_token_file):
        return "give username with password_file, or bearer_token_file, or none"
    if job.timeout_seconds > job.interval_seconds:
        return f"timeout_seconds, {job.timeout_seconds:g}, is longer than interval_seconds, {job.interval_seconds:g}"
    faults = (*(_page(url) for url in job.urls), *(_pattern(text) for text in (*job.keep, *job.drop)))
    return next(filter(None, faults), "") or _labels(job.labels)


def _accept(rules: tuple[AcceptRule, ...]) -> str:
    names: set[str] = set()
    for index, rule in enumerate(rules):
        fault = _accept_rule(rule) or ("another rule has that name" if rule.name in names else "")
        if fault:
            return f"rule {rule.name or index!r}: {fault}"
        names.add(rule.name)
    return ""


def _accept_rule(rule: AcceptRule) -> str:
    if not rule.name.isprintable() or not 0 < len(rule.name) <= _RULE_NAME_LIMIT:
        return f"give it a name, 1 to {_RULE_NAME_LIMIT} printable characters"
    if not rule.networks and not rule.labels:
        return "give networks, or labels, or both: else it would let in every machine with a token"
    unknown = set(rule.capabilities) - set(CAPABILITIES)
    if unknown:
        return f"{min(unknown)!r} is no capability: there are {', '.join(CAPABILITIES)}"
    return _networks(rule.networks)


def _groups(rules: tuple[GroupRule, ...]) -> str:
    names: set[str] = set()
    for index, rule in enumerate(rules):
        if not _GROUP.fullmatch(rule.name):
            return f"group {rule.name or index!r}: give it a name, 1 to 100 characters without blanks and commas"
        if rule.name in names:
            return f"group {rule.name!r}: another group has that name"
        names.add(rule.name)
    return ""


def _page(url: str) -> str:
    if not url:
        return "a URL is empty"
    fault = _address(url)
    # The address is not repeated when it may hold a password.
    return f"a URL is {fault}" if fault.startswith("not") else fault and f"a URL is wrong: {fault}"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        return f"{text!r} is no regular expression: {error}"
    return ""


_GRANT = re.compile(r"[a-z][a-z0-9_-]{0,62}(?:\([^()\x00-\x1f\x7f]{1,2000}\))?")


def _issuer(value: str) -> str:
    fault = _address(value)
    if fault or not value:
        return fault
    if len(value) > 255 or "?" in value or "#" in value:
        return "not the URL of a provider: it has no query and at most 255 characters"
    is_near = _is_near(urlsplit(value).hostname or "")
    return (
        "" if value.startswith("https://") or is_near else "not https: whoever stands between could log in as anybody"
    )


def _is_near(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _oidc_roles(value: Mapping[str, str]) -> str:
    bad = [role for role in value.values() if not _GRANT.fullmatch(role)]
    return f"{bad[0][:80]!r} is no role, such as viewer or operator(db web)" if bad else ""


def _oidc_role(value: str) -> str:
    return _oidc_roles({"": value}) if value else ""


def _scopes(value: tuple[str, ...]) -> str:
    if "openid" not in value:
        return "openid must be among them"
    return "" if all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope) for scope in value) else "a scope has no spaces"


# Anybody can have an account there.
_OPEN_TO_ALL = ("https://accounts.google.com", "https://gitlab.com", "https://appleid.apple.com")


def check_oidc(oidc: OidcSettings) -> str:
    """Return what is wrong with ``[oidc]`` as a whole, or nothing."""
    if not oidc.is_set:
        return "" if oidc.password_login else "nobody could log in: password_login is off and there is no issuer"
    if not oidc.client_id:
        return "an issuer needs a client_id"
    is_limited = bool(oidc.allowed_domains or oidc.required_claims)
    if oidc.issuer in _OPEN_TO_ALL and oidc.make_users and oidc.default_role and not is_limited:
        return "anybody has an account there: set allowed_domains or required_claims, or take default_role away"
    return ""


def _directories(value: tuple[str, ...]) -> str:
    bad = [text for text in value if not text.startswith("/")]
    return f"{bad[0]!r} is no absolute path" if bad else ""


RULES: Mapping[str, Callable[[Any], str]] = {
    "fleet.auto_accept": _accept,
    "fleet.groups": _groups,
    "scrape": _scrape,
    "statsd.labels": _labels,
    "statsd.listen": _optional_listen,
    "statsd.networks": _networks,
    "server.listen": _listen,
    "server.public_url": _address,
    "server.trusted_proxies": _networks,
    "bus.servers": _nats,
    "diagnosis.endpoint": _address,
    "limits.redis_url": _redis,
    "limits.redis_prefix": _prefix,
    "agent.server": _address,
    "client.server": _address,
    "records.url": _database,
    "kb.directories": _directories,
    "oidc.issuer": _issuer,
    "oidc.roles": _oidc_roles,
    "oidc.default_role": _oidc_role,
    "oidc.scopes": _scopes,
    "agent.name": _host,
    "agent.server_pin": _pin,
}


def check(key: str, value: Any) -> Any:
    """Return ``value`` if it may stand for ``key``. Raises BadValueError."""
    rule = RULES.get(key)
    fault = rule(value) if rule is not None else ""
    if fault:
        raise BadValueError(fault)
    return value
