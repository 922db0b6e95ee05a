"""Tasks and schedules as screens show them: rows of lists, and what is asked about them."""
