"""What several tests of the evidence need."""

from pathlib import Path

import pytest

from deployctl.evidence.sshsig import NoOpenSSHError
from deployctl.evidence.sshsig import verify as sshsig_verify

from .sealed_runs import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    try:
        sshsig_verify(b"x", b"x", "x", tmp_path / "allowed")
    except NoOpenSSHError:
        pytest.skip("no ssh-keygen here")
    return made
