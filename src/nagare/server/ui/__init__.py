"""The dashboard in a browser: its pages, and the programs behind them, one for each page that is open."""
