"""Asking in SQL: the text of a statement, its completion, its answer as rows or as a chart, and what a person keeps. No widget."""
