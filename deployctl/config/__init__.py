"""Typed settings, and errors with file, line, column and path. Knows nothing above it."""
