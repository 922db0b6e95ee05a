"""Values of notification: who hears of which alerts, when, and on which ways."""
