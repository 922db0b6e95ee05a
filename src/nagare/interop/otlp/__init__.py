"""OTLP metrics over HTTP, in protobuf and JSON."""
