"""Values of alerts and of the rules that make them."""
