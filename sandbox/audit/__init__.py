"""`interop audit ...`: what people do with the audit service's files."""
