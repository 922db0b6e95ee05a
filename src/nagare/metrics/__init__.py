"""The metric store: log, head, blocks, SQL. Owns duckdb and pyarrow."""
