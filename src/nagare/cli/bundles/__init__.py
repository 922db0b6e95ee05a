"""The verbs of ``nagare bundle``: keys and signatures of updates, publishing, rollouts."""
