"""The end of a run in words: what happened, what each gate saw, production's state, what to type.

Works on the result's JSON document, so that every reader of the stream tells the same story. Pure.
"""

from collections.abc import Mapping
from typing import Any

from deployctl.errors import ExitCode
from deployctl.ui.text import clean, clean_lines, duration, short_id

HEADLINES = {
    "sealed": "SEALED",
    "unchanged": "UNCHANGED",
    "planned": "PLANNED",
    "untouched": "FAILED BEFORE THE SWITCH",
    "rolled-back": "ROLLED BACK",
    "rollback-failed": "ROLLBACK FAILED: A PERSON IS NEEDED",
    "refused": "REFUSED",
    "inconclusive": "INCONCLUSIVE",
    "unreachable": "HOST UNREACHABLE",
    "seal-failed": "DEPLOYED, BUT NOT SEALED",
    "locked": "LOCKED",
    "not-approved": "NOT APPROVED",
    "invalid": "CONFIGURATION INVALID",
    "interrupted": "INTERRUPTED",
    "usage": "USAGE",
    "bug": "A BUG IN DEPLOYCTL",
}

_LIVE = (ExitCode.SEALED, ExitCode.SEAL_FAILED)
"""The codes with which the new release stays."""

Document = Mapping[str, Any]


def succeeded(result: Document) -> bool:
    return bool(result["exitCode"] == 0)


def headline(result: Document) -> str:
    name = HEADLINES.get(str(result["result"]), str(result["result"]).upper())
    if result["result"] == "rollback-failed" and _no_rollback(result.get("rollback")):
        name = "NOT PROVEN: A PERSON IS NEEDED"
    return name if succeeded(result) else f"{name} (exit {result['exitCode']})"


def reason(result: Document) -> list[str]:
    """The sentences of what happened; several lines where several faults were found."""
    return clean_lines(str(result["reason"])) if result["reason"] else []


def deciding_gates(result: Document) -> list[Document]:
    """The gates that did not pass where it counted: after the switch, or after the rollback."""
    return [
        gate
        for gate in result.get("gates", [])
        if gate["state"] != "pass" and gate["when"] != "before"
    ]


def untold_gates(result: Document) -> list[Document]:
    """The deciding gates whose observation the reason doesn't quote already."""
    told = str(result["reason"])
    return [
        gate
        for gate in deciding_gates(result)
        if not (gate["observed"] and gate["observed"] in told)
    ]


def gate_line(gate: Document) -> str:
    """`health (after): fail: saw 500; needs 200; 14 attempts. Reason`."""
    name = clean(gate["name"])
    if gate.get("service"):
        name = f"{name} of {clean(gate['service'])}"
    advisory = ", advisory" if gate.get("mode") == "advisory" else ""
    attempts = f"; {gate['attempts']} attempts" if gate["attempts"] != 1 else ""
    line = (
        f"{name} ({gate['when']}{advisory}): {gate['state']}:"
        f" saw {clean(gate['observed']) or 'nothing'}; needs {clean(gate['threshold'])}{attempts}"
    )
    return f"{line}. {clean(gate['reason'])}" if gate["reason"] else line


def facts(result: Document) -> list[tuple[str, str]]:
    """Label and text of what is known about the release, in reading order."""
    rows = [
        ("Release" if result["exitCode"] in _LIVE else "Tried", _release(result.get("release"))),
        ("Before", _release(result.get("previous"))),
        ("Gates", _gates(result)),
        ("Outage", availability(result.get("availability"))),
        ("Untouched", _untouched(result)),
        ("Rollback", _rollback(result.get("rollback"))),
        ("Took", duration(result["durationMs"]) if result.get("runId") else ""),
        ("Evidence", _seal(result.get("seal"))),
    ]
    return [(label, text) for label, text in rows if text]


def closing(result: Document) -> list[tuple[str, str]]:
    """Production's state and the next command: the last two things on the screen."""
    rows = [("Production", result.get("production")), ("Next", result.get("nextStep"))]
    return [(label, str(text).removeprefix("Production was ")) for label, text in rows if text]


def availability(seen: Document | None) -> str:
    if not seen:
        return ""
    probes = f"{seen['probes']} probes, {seen['failures']} failed"
    if seen["downtimeMs"] is None:
        return f"not measured: none of {seen['probes']} probes found a way to the service"
    margin = f"± {duration(seen['resolutionMs'])}"
    blind = ""
    if seen["unknown"]:
        probes += f", {seen['unknown']} could not be sent"
        blind = f"; not measured for {duration(seen['unknownMs'])}"
    if not seen["failures"]:
        return f"none seen{blind} ({margin}; {probes})"
    still = ", and not over when the measurement ended" if seen.get("stillDown") else ""
    least = "at least " if blind or still else ""
    return f"{least}{duration(seen['downtimeMs'])} {margin}{still}{blind} ({probes})"


def verdict_lines(result: Document) -> list[str]:
    """The whole block as plain lines, without colour."""
    lines = [headline(result), *(f"  {line}" for line in reason(result))]
    lines += [f"  gate {gate_line(gate)}" for gate in untold_gates(result)]
    for label, text in [*facts(result), *closing(result)]:
        first, *rest = clean_lines(text)
        lines += [f"  {label + ':':<12}{first}", *(f"  {'':<12}{line}" for line in rest)]
    return lines


def _release(release: Document | None) -> str:
    if not release:
        return ""
    parts = [release.get("number"), release.get("image"), (release.get("sha") or "")[:12]]
    if release.get("imageId"):
        parts.append(f"image ID {short_id(release['imageId'])}")
    return clean(", ".join(part for part in parts if part))


def _gates(result: Document) -> str:
    """After the switch, and after the rollback: each has asked its own release."""
    told = []
    for when, ending in (("after", "passed"), ("rollback", "after the rollback")):
        states = [gate["state"] for gate in result.get("gates", []) if gate["when"] == when]
        if states:
            told.append(f"{states.count('pass')} of {len(states)} {ending}")
    return "; ".join(told)


def _untouched(result: Document) -> str:
    others = result.get("untouched", [])
    if not others:
        return ""
    changed = [clean(other["service"]) for other in others if not other["same"]]
    if changed:
        return f"CHANGED: {', '.join(changed)}"
    told = (
        ("same containers, not restarted", [each for each in others if not _restarted(each)]),
        (
            "same containers, started again after Docker or the host was restarted",
            [each for each in others if _restarted(each)],
        ),
    )
    return "; ".join(
        f"{', '.join(clean(each['service']) for each in those)} ({word})"
        for word, those in told
        if those
    )


def _restarted(other: Document) -> bool:
    return bool(other.get("restarted", False))


def _no_rollback(rollback: Document | None) -> bool:
    return bool(rollback and rollback["state"] == "none")


def _rollback(rollback: Document | None) -> str:
    if not rollback or not rollback["performed"]:
        return ""
    took = f" in {duration(rollback['durationMs'])}" if rollback["durationMs"] is not None else ""
    return f"{rollback['state']}{took}"


def _seal(seal: Document | None) -> str:
    return f"{seal['path']} ({seal['digest']})" if seal else ""
