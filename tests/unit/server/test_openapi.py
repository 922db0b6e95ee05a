"""The OpenAPI document and the router are made from the same table; this holds them to it."""

import re
from typing import Any

from nagare.server.routes.openapi import make_document
from nagare.server.routes.table import ROUTES
from nagare.server.statuses import refusals_of

DOCUMENT = make_document(ROUTES)


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert len(described) == len(ROUTES)


def test_operation_ids_are_unique() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))


def test_references_resolve() -> None:
    components = DOCUMENT["components"]
    references = set(re.findall(r"'\$ref': '([^']+)'", str(DOCUMENT)))
    assert {reference.split("/")[2] for reference in references} == {"schemas", "responses"}
    for reference in references:
        _, _, kind, name = reference.split("/")
        assert name in components[kind], reference


def test_bodies_parameters_and_security() -> None:
    for route in ROUTES:
        operation: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
        assert ("requestBody" in operation) == (route.request is not None or bool(route.consumes))
        assert bool(operation["security"]) == (not route.is_public)
        assert operation.get("x-permission") == (None if route.permission is None else route.permission.value)
        in_path = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route.path))
        if route.consumes:
            assert set(operation["requestBody"]["content"]) == set(route.consumes)


def test_every_status_is_named_and_none_is_left_open() -> None:
    problems = DOCUMENT["components"]["responses"]
    for route in ROUTES:
        responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        assert "default" not in responses
        done = [status for status in responses if status < "400"]
        assert len(done) == 1 + route.is_file, route
        assert done == ["101"] if route.is_live else done[:1] in (["200"], ["204"], ["302"], ["303"])
        # What a handler without a reply answers by itself is 204.
        assert ("content" in responses[done[0]]) == (done[0] == "200"), route
        for status in refusals_of(route):
            refusal = responses[str(status)]
            if route.form is None:
                refusal = problems[refusal["$ref"].rsplit("/", 1)[1]]
                assert list(refusal["content"]) == ["application/problem+json"]
            assert ("Retry-After" in refusal["headers"]) == (status in (429, 503))
            assert ("WWW-Authenticate" in refusal["headers"]) == (status == 401)


def test_statuses_follow_from_what_a_route_is() -> None:
    by_name = {f"{route.method} {route.path}": set(refusals_of(route)) for route in ROUTES}
    assert by_name["GET /"] == {403, 429, 500, 503}
    assert by_name["GET /api/v1/hosts"] == {401, 403, 429, 500, 503}
    assert by_name["GET /api/v1/hosts/{name}"] == {400, 401, 403, 404, 429, 500, 503}
    assert {401, 413, 415, 429, 507} < by_name["POST /api/v1/auth/login"]
    # Foreign senders drop what is answered with 429.
    assert by_name["POST /api/v1/write"] == {400, 401, 403, 408, 413, 415, 417, 500, 503}
    # Everybody else may ask too often.
    assert all((429 in refusals_of(route)) == (route.form is None) for route in ROUTES)
    assert {422, 504} < by_name["POST /api/v1/sql"]
    assert all(409 in by_name[name] for name in ("POST /api/v1/users", "PUT /api/v1/roles/{name}", "POST /api/v1/keys"))
