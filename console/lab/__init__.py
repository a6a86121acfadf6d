"""The policy lab: the same people under several policies."""
