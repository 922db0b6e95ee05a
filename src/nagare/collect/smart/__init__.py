"""Health of each drive through ``smartctl``, without waking drives that sleep."""
