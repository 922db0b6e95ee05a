"""The records engine, shared metadata and Alembic migrations. Owns sqlalchemy with */store.py."""
