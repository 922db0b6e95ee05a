"""What schemathesis makes of a live server's OpenAPI document, sent as one caller, and what of the answers is not as it says.

One server for each caller, and things made again before each route, because callers may remove what is there.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from nagare.config.diagnosis import KbSettings
from nagare.config.settings import AlertSettings, LimitsSettings
from nagare.model.principal import Permission
from nagare.server.routes.table import ROUTES
from nagare.wire.codec import decode_any
from tests.component.server.callers import ABSENT, Everyone
from tests.component.server.conftest import Api, Serve
from tests.component.server.lawful import Asked, Lawful
from tests.component.server.loop_thread import LoopThread
from tests.support.source import ROOT
from tools.docs_access import NO, parse_page

PAGE = parse_page((ROOT / "docs" / "reference" / "access.md").read_text())
# Not `positive_data_acceptance`: what a schema allows may still name a host that is not there.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# What is configured nowhere here, or is not there, by a part of the path.
_NOT_HERE: Mapping[str, tuple[int, ...]] = {
    # No provider: there is none to go to, and none who could have sent anybody.
    "/oidc/": (400, 401, 404),
    # What is sent is no link (test_ack).
    "/ack/": (403,),
    "/tasks/{id}": (404,),
    # No page of ours asks here (tests/component/server/ui).
    "/ui/login": (403,),
    "/ui/logout": (403,),
}
# Statuses of routes that a caller may ask, and which is told something else here than 200 or 204.
_OTHERWISE = {
    ("local", "PUT /api/v1/auth/password"): 403,  # the local administrator is no user
    ("local", "POST /api/v1/keys"): 403,
    ("host", "PUT /api/v1/standing"): 401,  # has no key to sign with
    ("other host", "PUT /api/v1/standing"): 401,
    ("host", "POST /api/v1/standing/token"): 401,
    ("host", "GET /ws/agent"): 409,  # has no key to sign with, nor a moment
    ("other host", "GET /ws/agent"): 409,
    ("other host", "POST /api/v1/standing/token"): 401,
}
# Where something can be sent that the document does not allow: any text is a lawful name, and any bytes are a body.
_REFUSABLE = frozenset(
    f"{route.method} {route.path}"
    for route in ROUTES
    if route.request is not None or any(param.type != "string" for param in route.params)
)
# Users and keys, who go the way of the local administrator once they are let in; only what is about themselves does not.
_USERS = frozenset({"viewer", "operator", "admin", "auditor", "key"})
_OF_ACCOUNTS = frozenset(
    f"{route.method} {route.path}"
    for route in ROUTES
    if route.permission in (Permission.ACCOUNT_READ, Permission.ACCOUNT_WRITE)
)
_PUBLIC = frozenset(f"{route.method} {route.path}" for route in ROUTES if route.is_public)
_POSITIVE, _NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
Operation = Any


@schemathesis.serializer("application/x-protobuf")
def _as_sent(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else getattr(value, "data", None) or str(value).encode()


@cache
def _read(document: bytes) -> dict[str, Operation]:
    """Return what ``document`` lets one ask, the same for all callers that are shown the same."""
    schema = schemathesis.openapi.from_dict(decode_any(document))
    # A parameter that nobody knows is ignored, so that clients may be newer than the server.
    schema.config.generation.allow_extra_parameters = False
    # Who asks is the caller's part; tokens that are none are other tests'.
    schema.config.generation.with_security_parameters = False
    operations = {}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        operations[f"{operation.method.upper()} {operation.path}"] = operation
    return operations


@cache
def _guesses(
    operation: Operation, mode: schemathesis.GenerationMode, given_names: frozenset[str], count: int, _whose: str
) -> list[Any]:
    """Return what schemathesis makes of ``operation``, with ``given_names`` in its path left to who asks."""
    made: list[Any] = []

    # Unlawful requests are found by trying, mostly in vain where few can be made.
    @hypothesis.settings(max_examples=count, suppress_health_check=list(hypothesis.HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode, path_parameters=dict.fromkeys(given_names, "x") or None))
    def keep(case: Any) -> None:
        made.append(case)

    keep()
    return made


def _about(guess: Any, names: Mapping[str, str]) -> Any:
    """Return ``guess`` for one asking, about ``names``: what is sent is changed on the way."""
    return guess.operation.Case(
        path_parameters={**guess.path_parameters, **names},
        headers=guess.headers.copy(),
        cookies=dict(guess.cookies),
        query=deepcopy(guess.query),
        body=deepcopy(guess.body) if isinstance(guess.body, dict | list) else guess.body,
        media_type=guess.media_type,
        multipart_content_types=guess.multipart_content_types,
        _meta=deepcopy(guess.meta),
    )


class Conformance:
    """A server on a loop of its own, one of each caller, and the document that it shows."""

    def __init__(self, data: Path, caller: str) -> None:
        self._thread = LoopThread()
        # A fuzzer asks more than anybody may; what is said to who asks too much is tests/component/server/rates' part.
        unlimited = LimitsSettings(
            user_requests_per_minute=0, address_requests_per_minute=0, address_logins_per_minute=0
        )
        rules = data.parent / "rules"
        rules.mkdir()
        (rules / "own.toml").write_text('[[webhook]]\nname = "own"\nalertname = "/check"\n')
        pages = data.parent / "pages"
        pages.mkdir()
        (pages / "full.md").write_text("# Disk full")
        self._served = Serve(data)(
            sections={
                "limits": unlimited,
                "alerts": AlertSettings(rules=rules),
                "kb": KbSettings(directories=(str(pages),)),
            }
        )
        self.api: Api = self.run(self._served.__aenter__())
        self.everyone = Everyone(self.api)
        self.run(self.everyone.arrive())
        self.caller = caller
        self.lawful = Lawful(self.everyone, caller)
        self.run(self.lawful.arrive())
        self.operations = _read(self.run(self.api.call("GET", "/api/v1/openapi.json")).raw)
        self.session = requests.Session()
        # Nor are proxies looked for at each request.
        self.session.trust_env = False

    def run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._thread.loop)
        return future.result(60)

    def close(self) -> None:
        self.session.close()
        self.run(self._served.__aexit__(None, None, None))
        self._thread.close()

    def may(self, operation: Operation) -> bool:
        return PAGE[operation.method.upper(), operation.path][self.caller] != NO

    def ask(self, case: Any) -> tuple[int, list[str]]:
        """Send ``case`` and return the status, and what of the answer is not as the document says."""
        token = self.everyone.tokens[self.caller]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if case.operation.path == "/api/v1/write":
            headers["Content-Encoding"] = "snappy"
        response = case.call(
            base_url=self.api.running.url, session=self.session, headers=headers, allow_redirects=False
        )
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as group:
            return response.status_code, [f"{failure.title}: {failure.message}" for failure in group.exceptions]
        return response.status_code, []

    def check_lawful(self, name: str, operation: Operation) -> list[str]:
        """Ask once what is sound; who may is answered, who may not is refused, and both as the document says."""
        asked: Asked = self.run(self.lawful.ask(name))
        more = {} if asked.body is None else {"body": asked.body, "media_type": asked.media}
        status, faults = self.ask(operation.Case(path_parameters=asked.names, **more))
        if status not in self._wanted(name, operation):
            faults.append(f"status {status}, and {self._wanted(name, operation)} is right")
        return faults

    def _wanted(self, name: str, operation: Operation) -> tuple[int, ...]:
        if not self.may(operation) or (operation.path.startswith("/ws/") and self.caller == "nobody"):
            return (401 if self.caller == "nobody" else 403,)
        if (self.caller, name) in _OTHERWISE:
            return (_OTHERWISE[self.caller, name],)
        for part, statuses in _NOT_HERE.items():
            if part in name:
                return statuses
        # A WebSocket is not asked for here.
        return (400,) if "/ws" in operation.path else (200, 204)

    def check_made(self, name: str, operation: Operation) -> list[str]:
        """Ask what schemathesis makes of the document, and as often about what there is."""
        wide = max(4, hypothesis.settings().max_examples // 50)
        if not self.may(operation) or (name in _PUBLIC and self.caller != "nobody"):
            # Whoever is refused is so before anything that was sent is looked at, and what anybody may ask is the same
            # for everybody: a look at each will do.
            return self._made(operation, _POSITIVE, ABSENT, max(1, wide // 20))
        if self.caller in _USERS and name not in _OF_ACCOUNTS:
            wide = max(1, wide // 4)
        names = self.run(self.lawful.ask(name)).names
        modes = (_POSITIVE, _NEGATIVE) if name in _REFUSABLE else (_POSITIVE,)
        if wide == 1:
            # To prepare a guess takes longer than to ask it. What is sound was asked before, so one that is not, if there is any.
            return self._made(operation, modes[-1], names, 1)
        found = []
        for mode in modes:
            # Names that are made up are of nothing that is there, mostly.
            found += self._made(operation, mode, {}, max(1, wide // 2) if names else wide)
            found += self._made(operation, mode, names, wide) if names else []
        return found

    def _made(
        self, operation: Operation, mode: schemathesis.GenerationMode, names: dict[str, str], count: int
    ) -> list[str]:
        # Where examples are the same everywhere, they are for every caller, whatever the things are called that it asks about.
        whose = "" if hypothesis.settings().derandomize else self.caller
        found: list[str] = []
        for guess in _guesses(operation, mode, frozenset(names), count, whose):
            case = _about(guess, names)
            found.extend(f"{fault} ({case.as_curl_command()})" for fault in self.ask(case)[1])
        return found
