"""What changed between a usual time and an incident: metrics, lifted to components, with the graph where one is known."""
