"""Alerts as screens show them: rows of lists, what is asked about them, and what keeps the badge of the header true."""
