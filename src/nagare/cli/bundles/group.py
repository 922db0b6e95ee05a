"""``nagare bundle``: files that agents become, who signs them, and how they reach hosts."""

from __future__ import annotations

import typer

from nagare.cli.bundles import publish, rollout
from nagare.cli.offline import bundle_sign

app = typer.Typer(add_completion=False)


@app.callback()
def bundle() -> None:
    """Sign, publish and roll out updates of agents.

    The server's own key signs until its roles are taken elsewhere, so that two commands are enough.

    Examples:
      nagare bundle publish nagare-agent-0.2.0-linux-x86_64.pyz
      nagare bundle rollout start 0.2.0
    """


bundle_sign.register(app)
publish.register(app)
app.add_typer(rollout.app, name="rollout")
