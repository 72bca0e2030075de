"""deployctl: a hotfix that proves itself, or puts everything back."""

__version__ = "0.1.0"
