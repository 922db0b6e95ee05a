"""The metric store: log, head, blocks and the SQL over them; the only room that knows DuckDB."""
