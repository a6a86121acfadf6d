"""Matching: when is a match wrong."""
