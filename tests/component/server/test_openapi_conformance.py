"""Whatever is asked, as whoever: a live server answers as its OpenAPI document says, and never with a fault of its own.

Schemathesis makes lawful and unlawful requests out of the document, and holds every answer to it: status, content type,
headers, schema. `make soak` looks further.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.docs_access import CALLERS

if TYPE_CHECKING:
    from tests.component.server.conformance import Conformance


@pytest.fixture
def conformance(tmp_path: Path, caller: str) -> Iterator[Conformance]:
    # Loads schemathesis, for a second: not in each test process, which all collect all tests.
    from tests.component.server.conformance import Conformance

    made = Conformance(tmp_path / "data", caller)
    yield made
    made.close()


@pytest.mark.parametrize("caller", CALLERS)
def test_answers_are_what_the_document_says(conformance: Conformance) -> None:
    # Sound requests first: guesses at passwords, which the others are, slow their address down.
    wrong = [
        f"{name}: {fault}"
        for check in (conformance.check_lawful, conformance.check_made)
        for name, operation in conformance.operations.items()
        for fault in check(name, operation)
    ]
    assert not wrong, "\n".join(wrong)
    # None of it has ended the caller's own token, else all that came after would have been refused, and well.
    assert conformance.check_lawful("GET /", conformance.operations["GET /api/v1/openapi.json"]) == []
