"""The OpenAPI document and the router are made from the same table; this holds them to it."""

import re
from typing import Any

from nagare.server.routes.openapi import make_document
from nagare.server.routes.table import ROUTES

DOCUMENT = make_document(ROUTES)


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in ROUTES}
    assert len(described) == len(ROUTES)


def test_operation_ids_are_unique() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations if operation["operationId"] != "exposition_text"]
    assert len(ids) == len(set(ids))


def test_references_resolve() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for reference in re.findall(r"'\$ref': '([^']+)'", str(DOCUMENT)):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


def test_bodies_parameters_and_security() -> None:
    for route in ROUTES:
        operation: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
        assert ("requestBody" in operation) == (route.request is not None or bool(route.consumes))
        assert bool(operation["security"]) == (not route.is_public)
        assert operation.get("x-permission") == (None if route.permission is None else route.permission.value)
        in_path = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route.path))
        if route.form is None:
            assert "application/problem+json" in operation["responses"]["default"]["content"]
        else:
            assert set(operation["requestBody"]["content"]) == set(route.consumes)
            assert str(route.success) in operation["responses"]
