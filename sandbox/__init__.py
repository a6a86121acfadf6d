"""What people run: the interop command, scenarios, the embedded Redis and the local stack."""
