"""What ``nagare run`` and ``nagare commands`` share: reading what was typed, showing plans, output and outcomes."""
