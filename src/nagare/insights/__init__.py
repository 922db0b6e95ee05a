"""Statistics over columns: pure functions on numpy arrays that ask no clock, no store and no network.

Each method names the paper it is made after. What comes out is figures; what they mean for an operator is told elsewhere.
"""
