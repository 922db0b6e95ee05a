"""Runbook pages and alerts about them, made from a seed: what the search of the knowledge base is measured on.

Nothing here knows the search or its thesaurus. A page and an alert of one fault are put together from different sentences,
under different names of the same thing, as two people would write them; every page has neighbours that share its thing and
others that share its fault.
"""
