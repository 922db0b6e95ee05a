"""Notices in the words of those who bring them to people: requests out, answers in; no socket, no file and no clock of their own."""
