"""The keys that sign commands: which there are, and replacing the one that signs."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.command_keys import CommandKeysView, RotateCommandKey


async def list_keys(call: Call) -> CommandKeysView:
    """Return the keys that hosts are told of."""
    return call.services.commands.key_desk.view()


async def rotate_key(call: Call) -> CommandKeysView:
    """Begin to sign with a new key, or end a change that is under way."""
    desk, request = call.services.commands.key_desk, call.value
    call.note.tell(request.confirm[:16], before=_told(desk.view()))
    view = await desk.rotate(request)
    call.note.tell(after={**_told(view), "at_once": request.at_once})
    return view


def _told(view: CommandKeysView) -> dict[str, object]:
    return {"stage": view.stage, "number": view.number, "keys": {key.id: key.state for key in view.keys}}


_ALL = "/api/v1/commands/signing-keys"
ROUTES = (
    Route(
        "GET", _ALL, list_keys, "The keys that sign commands, and how far a change of them is", Permission.COMMANDS_ROTATE,
        reply=CommandKeysView,
    ),
    Route(
        "POST", f"{_ALL}/rotate", rotate_key, "Sign commands with a new key", Permission.COMMANDS_ROTATE,
        request=RotateCommandKey, reply=CommandKeysView, action="commands.rotate", refuses=(409,),
    ),
)  # fmt: skip
