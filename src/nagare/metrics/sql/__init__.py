"""SQL from callers: checked, sandboxed, bounded and answered in JSON-safe values."""
