"""`python -m deployctl.lab`: the lab's commands alone."""

from deployctl.cli.lab import app

if __name__ == "__main__":
    app()
