"""deployctl: a hotfix that proves itself, or puts everything back."""

import time

__version__ = "0.1.0"
STARTED = time.monotonic()
"""the moment of time.monotonic() in which this process began, as near as it can be told"""
