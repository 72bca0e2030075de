"""Every step of a hotfix and of a rollback, broken in every way: production has to come back.

`steps.py` takes the steps from the code, `faults.py` knows the ways to break, `cell.py` does one
combination on a lab host, `expect.py` says what must hold after it, `table.py` prints them all.
"""
