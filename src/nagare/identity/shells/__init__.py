"""Shells on hosts that people say they opened: who, where, and for as long as their login lasts."""
