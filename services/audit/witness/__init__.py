"""A witness: it remembers the largest tree that a log has shown it, and cosigns only trees that begin with that one."""
