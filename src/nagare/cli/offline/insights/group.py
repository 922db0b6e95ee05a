"""``nagare insights``: what is unusual in series, and what an incident began with."""

from __future__ import annotations

import typer

from nagare.cli.offline.insights import anomalies, rank

app = typer.Typer(add_completion=False)


@app.callback()
def insights() -> None:
    """Find what is unusual in any CSV or Parquet file with a time column, and what an incident began with.

    Examples:
      nagare insights anomalies cpu.csv
      nagare insights anomalies metrics.parquet --by host -o csv
      nagare insights rank --file metrics.csv
    """


anomalies.register(app)
rank.register(app)
