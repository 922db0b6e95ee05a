"""Writes Parquet files of columns that are arrays already, with the encodings that our samples take least room in.

It knows nothing of what the columns mean. Files are read by DuckDB, as any other Parquet is; this room never reads.
"""
