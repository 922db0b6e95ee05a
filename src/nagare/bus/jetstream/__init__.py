"""The bus in NATS JetStream. The only package that knows nats-py, which is an extra: loaded where servers are configured."""
