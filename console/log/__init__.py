"""The log: checkpoint, witnesses, reconciliation, drill and report."""
