"""Tokens and the principals behind them."""
