"""The command line starts without the libraries that only a run needs."""

import subprocess
import sys

import pytest

HEAVY = {"paramiko", "fabric", "invoke", "requests", "rich", "jinja2", "yaml", "prometheus_client"}

_PROBE = """
import sys
from deployctl.cli.boundary import run
code = run(sys.argv[1:])
print("LOADED", *sorted({name.partition(".")[0] for name in sys.modules}))
sys.exit(code)
"""


@pytest.mark.parametrize(
    "argv", [["--help"], ["hotfix", "--help"], ["lab", "--help"], ["--version"], ["docs"]]
)
def test_help_loads_nothing_heavy(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *argv], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    # Typer itself loads pydantic once a command has options to convert.
    assert not loaded & (HEAVY | ({"pydantic"} if argv[0].startswith("-") else set()))
