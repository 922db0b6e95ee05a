"""``nagare bundle``: files that agents become, who signs them, and how they reach hosts."""

from __future__ import annotations

import typer

from nagare.cli.bundles import publish, rollout
from nagare.cli.offline import bundle_build, bundle_sign

app = typer.Typer(add_completion=False)


@app.callback()
def bundle() -> None:
    """Build, sign, publish and roll out updates of agents.

    The server's own key signs until its roles are taken elsewhere, so that three commands are enough.

    Examples:
      nagare bundle build
      nagare bundle publish nagare-agent-0.2.0-linux-x86_64.pyz
      nagare bundle rollout start 0.2.0
    """


bundle_build.register(app)
bundle_sign.register(app)
publish.register(app)
app.add_typer(rollout.app, name="rollout")
