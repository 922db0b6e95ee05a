"""The knowledge base: pages that people wrote, cut into passages, and the ones that fit a question."""
