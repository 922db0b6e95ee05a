"""Rules of the house that import-linter has no words for."""

import ast

from tests.support.source import Module, modules

FEATURES = {
    "alerting", "commands", "automation", "diagnosis", "messaging", "reports", "twin", "projects",
    "fleet", "identity", "scrape", "statsd", "audit", "insights", "metrics", "records", "bus",
}  # fmt: skip
# What a command may lean on: it asks a running server through client. The exceptions open an installation themselves
# (cli/offline) or start processes.
CLI_MAY_IMPORT = {"cli", "client", "config", "wire", "model", "lib", "errors"}
# Drawing holds no state and knows no server.
DRAWING = "nagare.tui.renderables"
CLI_STARTERS = {
    "serve": {"server"},
    "agent": {"agent"},
    "up": {"tui"},
    "top": {"tui"},
    "ssh": {"ssh"},
    "shell": {"ssh"},
}
# Where `except Exception` may stand: the supervisor, the HTTP middleware, the CLI's main.
CATCH_ALL = {"nagare.lib.tasks", "nagare.cli.main"}
CATCH_ALL_ROOMS = ("nagare.server.middleware",)
# module -> reason, for the few that need one more.
CATCH_ALL_EXCEPTIONS = {
    "nagare.tui.widgets.terminal_pane": "whatever ends one shell is told in its pane, and ends neither the others nor the dashboard",
    "nagare.tui.screens.shells": "what fails with one pane is told in passing, and ends neither the others nor the dashboard",
    "nagare.automation.tasks.attempt": "a bug in one kind of task is that task's failure, and ends no other",
    "nagare.automation.workers.main": "the end of a worker's call stack, as the command line's main is of its own",
    "nagare.alerting.foreign.syncing": "an answer of one monitor that we do not understand is that monitor's fault, and ends no judging",
    "nagare.alerting.notify.trying": "a bug in the sender of one kind of channel is one delivery's fault, and ends no judging",
    "nagare.alerting.notify.outbox": "a row that nobody can read costs one delivery its time, and neither judging nor the others theirs",
    "nagare.diagnosis.automatic": "a bug that the diagnosis of one alert meets ends neither that of others nor the housekeeping",
    "nagare.agent.lane": "isolates one collector's fault from the others, as the supervisor does for tasks",
    "nagare.server.hot.connection": "a bug in a short handler sends its request the long way, which tells it",
    "nagare.bus.embedded.writer": "the thread that serves every publisher must outlive a bug in one verb",
    "nagare.metrics.wal.writer": "the thread that serves every sender must outlive a bug in the checks of one batch",
}


def _rooms(module: Module) -> set[str]:
    names = [name for _, name in module.imports() if name.startswith("nagare.") and not name.startswith(DRAWING)]
    return {name.split(".")[1] for name in names} - {"__version__"}


def test_a_command_asks_through_the_client() -> None:
    faults = {}
    for module in modules():
        if module.room != "cli" or module.name.startswith("nagare.cli.offline."):
            continue
        # A command by its name, or the folder of what belongs to one.
        allowed = CLI_MAY_IMPORT.union(*(CLI_STARTERS.get(part, set()) for part in module.name.split(".")[2:]))
        if strange := _rooms(module) - allowed:
            faults[module.where] = sorted(strange)
    assert faults == {}


def test_a_route_knows_only_its_own_feature() -> None:
    faults = {}
    for module in modules():
        if not module.name.startswith("nagare.server.routes."):
            continue
        own = module.name.rsplit(".", 1)[-1]
        features = (_rooms(module) & FEATURES) - {own}
        stores = [name for _, name in module.imports() if name.startswith("nagare.") and ".store" in name]
        if len(features) > 1 or stores:
            faults[module.where] = sorted(features) + stores
    assert faults == {}


def test_everything_is_caught_in_three_places_only() -> None:
    faults = []
    for module in modules():
        if module.name in CATCH_ALL or module.name.startswith(CATCH_ALL_ROOMS) or module.name in CATCH_ALL_EXCEPTIONS:
            continue
        faults += [
            f"{module.where}:{node.lineno}"
            for node in module.nodes
            if isinstance(node, ast.ExceptHandler) and _catches_everything(node) and not _passes_on(node)
        ]
    assert faults == []


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in caught
    )


def _passes_on(handler: ast.ExceptHandler) -> bool:
    # A handler that raises again, translates, or carries the error to whoever waits for a future swallows nothing.
    nodes = list(ast.walk(handler))
    carries = any(isinstance(node, ast.Attribute) and node.attr == "set_exception" for node in nodes)
    return carries or any(isinstance(node, ast.Raise) for node in nodes)


def test_a_module_says_why_it_exists() -> None:
    assert [module.where for module in modules() if not ast.get_docstring(module.tree)] == []


def test_no_unfinished_work_is_marked_in_the_code() -> None:
    marks = ("TO" + "DO", "FIX" + "ME")
    faults = [f"{module.where}: {mark}" for module in modules() for mark in marks if mark in module.text]
    assert faults == []
