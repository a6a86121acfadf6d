"""Every disclosure between parties, one row each, exactly once."""
