"""When series changed: change points of each, and the one moment at which many of them did."""
