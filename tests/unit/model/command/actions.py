"""Actions for tests, made by the same door as those of files."""

from typing import Any

from nagare.model.command.action import Action
from nagare.model.command.definition import parse_action

RESTART: dict[str, Any] = {
    "name": "service.restart",
    "version": 1,
    "title": "Restart a unit",
    "risk": "self-confirm",
    "run": [["systemctl", "restart", "--", "{unit}"]],
    "parameters": {"unit": {"type": "unit"}},
}


def action(**changes: Any) -> Action:
    """Return the action of RESTART with ``changes``; None takes a key away."""
    return parse_action({key: value for key, value in {**RESTART, **changes}.items() if value is not None})


def with_parameter(run: list[str], **parameter: Any) -> Action:
    """Return an action with one parameter ``x``."""
    return action(name="test.one", run=[run], parameters={"x": parameter})
