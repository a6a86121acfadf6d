"""Delivery over Redis streams: groups first, acknowledge-first commits, leases, take-over, dead letters."""
