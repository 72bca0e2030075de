"""What evidence costs: sealing a run, verifying its seal, auditing a long journal. On no host."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.bed import DEPLOYCTL
from bench.stats import Goal, Spread
from deployctl.evidence import chain
from deployctl.evidence.predicate import NAMESPACE, Circumstances, Client, NamedDigest
from deployctl.evidence.run_directory import RunDirectory
from deployctl.evidence.seal import SigningKey, seal
from deployctl.evidence.sshsig import fingerprint, sign
from deployctl.host.seal_key import from_file
from deployctl.result import Result

SAMPLES, ENTRIES = 10_000, 100_000
SEAL, VERIFY, AUDIT = "seal", f"verify, {SAMPLES:,} samples", f"audit, {ENTRIES:,} entries"
LIMITS = {SEAL: 300.0, VERIFY: 1000.0, AUDIT: 2000.0}


def measure(repetitions: int) -> dict[str, Any]:
    """Milliseconds: sealing inside the process, the two commands as a person runs them."""
    folder = Path(tempfile.mkdtemp(prefix="deployctl-bench-"))
    try:
        made = _Evidence(folder)
        found = {
            SEAL: [made.seal(number) for number in range(repetitions)],
            VERIFY: [made.command("verify", str(made.last), *made.signers)],
            AUDIT: [made.command("audit", "--journal", str(made.journal()))],
        }
        for _ in range(repetitions - 1):
            found[VERIFY].append(made.command("verify", str(made.last), *made.signers))
            found[AUDIT].append(made.command("audit", "--journal", str(folder / chain.NAME)))
    finally:
        shutil.rmtree(folder)
    return {name: Spread.of(values).document(0) for name, values in found.items()}


class _Evidence:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last = folder
        file = folder / "id"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        self.key = from_file(file).key
        allowed = folder / "allowed_signers"
        allowed.write_text(f"ana@example.com {file.with_suffix('.pub').read_text()}")
        self.signers = ("--allowed-signers", str(allowed))

    def seal(self, number: int) -> float:
        """A run with a build log of 1 MB, and a series as it is kept of a long outage."""
        directory = RunDirectory(self.folder, "bench", f"r-{number}")
        rows = [[index * 25, 1.25, "ok"] for index in range(SAMPLES)]
        directory.write_text("availability.json", json.dumps({"rows": rows}))
        directory.write_text("build.log", "#12 0.345 Collecting prometheus_client\n" * 25_000)
        for gate in range(40):
            directory.write_text(f"gates/gate-{gate}.after.1.txt", "x" * 10_000)
        result = Result(
            command="hotfix", result="sealed", exit_code=0, reason="", target="bench",
            started_at=datetime.now(UTC), duration_ms=1,
        )  # fmt: skip
        about = Circumstances(
            client=Client(host="h", user="u", system="s"),
            playbook=NamedDigest(name="hotfix", digest="sha256:0"),
        )
        key = SigningKey(fingerprint(self.key), lambda message: sign(message, NAMESPACE, self.key))
        began = time.perf_counter()
        seal(directory, result, {}, {}, about, key)
        self.last = directory.path
        return (time.perf_counter() - began) * 1000

    def journal(self) -> Path:
        before, path = chain.NO_ENTRY, self.folder / chain.NAME
        with path.open("wb") as file:
            for seq in range(1, ENTRIES + 1):
                entry = {"seq": seq, "prev": before, "at": "2026-01-03T07:32:00Z"}
                entry |= {"event": "begin", "run": f"20260103T073200Z-hotfix-{seq:06x}"}
                line = json.dumps(entry, separators=(",", ":")).encode()
                before = chain.line_digest(line)
                file.write(line + b"\n")
        return path

    def command(self, *words: str) -> float:
        began = time.perf_counter()
        subprocess.run([DEPLOYCTL, *words], check=True, capture_output=True, cwd=self.folder)
        return (time.perf_counter() - began) * 1000


def goals(document: Mapping[str, Any]) -> list[Goal]:
    return [Goal(name, document[name]["median"], limit, "ms") for name, limit in LIMITS.items()]
