"""My ledger: what was disclosed about one person, proven in the browser."""
