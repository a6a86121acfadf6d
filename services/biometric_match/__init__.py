"""The federal searches: IAFIS, IDENT, and the answer of the Law Enforcement Support Center."""
