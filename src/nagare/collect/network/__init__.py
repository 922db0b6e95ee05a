"""Traffic of each network interface, its link, and whether the default route uses it."""
