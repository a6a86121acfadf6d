"""Tests of the console in a browser, against the real services."""
