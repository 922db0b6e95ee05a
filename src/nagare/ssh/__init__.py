"""Shells on hosts: connections, host keys, logins, the remote shell and the emulators that read what it writes."""
