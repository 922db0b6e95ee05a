"""The host agent: schedule, spool, uplink. Light enough to be shipped as one small file."""
