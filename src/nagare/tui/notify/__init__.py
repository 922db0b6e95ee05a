"""Incidents, notifications, routes and heartbeats as screens show them: rows of lists, what sheets tell, what is asked about them."""
