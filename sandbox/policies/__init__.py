"""Policies for people: checking them before they decide about anybody, reading them, comparing them, asking them."""
