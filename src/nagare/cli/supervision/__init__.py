"""How ``nagare up`` runs server, agent and dashboard as child processes: it starts, watches, restarts and ends them."""
