"""The transparency report: a projection of its own over the streams, and what is published of it."""
