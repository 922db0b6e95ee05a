"""The agent as one file for hosts: what is in it, and how it is built."""
