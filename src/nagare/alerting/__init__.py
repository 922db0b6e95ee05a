"""Rules over the metrics, the alerts that they and others make, and who hears of them."""
