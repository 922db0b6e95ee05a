"""Marks on charts: what they are made from, how they are asked for, and where they lead."""
