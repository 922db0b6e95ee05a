"""``nagare insights``: what is unusual in a file of series."""

from __future__ import annotations

import typer

from nagare.cli.offline.insights import anomalies

app = typer.Typer(add_completion=False)


@app.callback()
def insights() -> None:
    """Find what is unusual in any CSV or Parquet file with a time column. No server is asked.

    Examples:
      nagare insights anomalies cpu.csv
      nagare insights anomalies metrics.parquet --by host -o csv
    """


anomalies.register(app)
