"""`python -m tests.lab.impatient`: deployctl, which seeks a lost link for seconds, not minutes."""

from deployctl.__main__ import main
from deployctl.rollout import loss

if __name__ == "__main__":
    loss.LONGEST = 5.0
    main()
