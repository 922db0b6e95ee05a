"""Who asks: tokens, users with their roles, sessions and keys, and the principals behind them."""
