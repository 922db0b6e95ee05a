"""Commands as screens show them: rows, output that came, plans to agree to. Nothing here asks or draws."""
