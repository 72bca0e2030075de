"""What a person asked for, before the host was asked anything."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployctl.events import PlanReady


@dataclass(frozen=True)
class Options:
    """The command line's part of a request.

    `advisory` maps a gate's name to the reason why its verdict may not stop this run;
    `lock_wait` is in seconds; `evidence_dir` replaces the default place of the evidence.
    `typed_at` is the moment of time.monotonic() in which the command was given.
    """

    yes: bool = False
    rebuild: bool = False
    lock_wait: float = 0.0
    advisory: Mapping[str, str] = field(default_factory=dict)
    accept_drift: str | None = None
    repair: bool = False
    """a broken Compose file may be reconstructed"""
    asks: bool = False
    """a person sees the plan and types the approval"""
    evidence_dir: Path | None = None
    operator: str = "unknown"
    """who runs the command, for lock, records and evidence"""
    typed_at: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Approval:
    """Who said yes to a plan, and how (`typed`, `--yes`, a CI's environment)."""

    by: str
    how: str
    signatures: tuple[Mapping[str, str], ...] = ()
    """who signed the plan: `principal`, as the target's allowed signers name them, and what their
    envelope says (`by`, `fingerprint`, `digest`, `at`)"""
    artefacts: tuple[tuple[str, bytes], ...] = ()
    """name and content of what the evidence keeps of it"""


Approver = Callable[[PlanReady], Approval]
