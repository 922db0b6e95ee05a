"""The room at a moment of the past: asked for, put together, kept for a while, and stepped through."""
