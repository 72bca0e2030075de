"""The plan as a person reads it before typing EXECUTE. Pure: works on the plan's JSON document."""

from collections.abc import Mapping
from typing import Any

from deployctl.ui.text import clean, duration, size

_SHOWN_FILES = 12
_BY_ITSELF = "the host does it by itself"
_ALONE = {
    "root-unit": f"{_BY_ITSELF}, also after a restart (systemd unit)",
    "user-unit": f"{_BY_ITSELF}, also after a restart (systemd unit of this user)",
    "cron": f"{_BY_ITSELF}, also after a restart (@reboot in the crontab)",
    "none": f"{_BY_ITSELF}, but not after a restart of the host",
}


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """Label and text a line; `plan` is `{digest, decisions, facts}`."""
    decided, facts = plan["decisions"], plan["facts"]
    rows = [
        ("Commit", _commit(decided["commit"])),
        ("Image", _image(decided)),
        ("Release", _release(decided)),
        ("Ships", _shipped(facts) if decided["commit"] and decided["build"] else ""),
        ("Build", _layers(facts["layers"]) if decided["build"] else ""),
        ("Repair", _repair(decided["repair"])),
        ("Swap", _swap(decided)),
        ("Gates", _holding(decided)),
    ]
    lines = [f"{label + ':':<10}{text}" for label, text in rows if text]
    lines += [f"  {_gate(gate)}" for gate in decided["gates"]]
    lines += _block("The reconstructed file and the containers:", facts["compared"])
    lines += _block("Now:", facts["before"])
    lines += _block("Differs from the live commit:", _changes(facts["changed"]))
    lines.append(f"If a gate does not pass: {clean(facts['rollback'])}")
    if decided["swap"]:
        lines.append(f"If this client is lost: {_ALONE[decided.get('guard', 'none')]}")
    lines += [
        f"ADVISORY: {clean(gate)} can't stop this run. Reason: {clean(reason)}"
        for gate, reason in decided["advisory"].items()
    ]
    if decided["acceptDrift"]:
        lines.append(f"DRIFT ACCEPTED. Reason: {clean(decided['acceptDrift'])}")
    lines += [f"WARNING: {clean(warning)}" for warning in facts["warnings"]]
    return lines


def _commit(commit: Mapping[str, Any] | None) -> str:
    return f"{clean(commit['sha'])}  {clean(commit['subject'])}" if commit else ""


def _image(decided: Mapping[str, Any]) -> str:
    how = "built on the host" if decided["build"] else "on the host already, not built again"
    return f"{clean(decided['image'])}, {how}"


def _release(decided: Mapping[str, Any]) -> str:
    previous = decided["previous"]
    before = f"{clean(previous['number'])} {clean(previous['image'])}" if previous else "nothing"
    return f"{clean(decided['release'])}, after {before}"


def _shipped(facts: Mapping[str, Any]) -> str:
    return f"{facts['files']} files, {size(facts['archiveBytes'])}"


def _layers(layers: list[Mapping[str, Any]]) -> str:
    if not layers:
        return ""
    cached = sum(layer["cached"] for layer in layers)
    return f"{cached} of {len(layers)} layers expected from the cache"


def _repair(repair: Mapping[str, Any] | None) -> str:
    if not repair:
        return ""
    return (
        f"{clean(repair['path'])} is broken; reconstructed from {clean(repair['source'])}, as "
        "Compose proves of the containers that run; the broken bytes are kept"
    )


def _swap(decided: Mapping[str, Any]) -> str:
    if not decided["swap"]:
        return "nothing: this release is live already, its gates are checked"
    services = [
        clean(service["name"]) + (f" x{service['scale']}" if service["scale"] > 1 else "")
        for service in decided["services"]
    ]
    files = ", ".join(clean(file["path"]) for file in decided["files"])
    return f"{decided['strategy']} {', '.join(services)}" + (f"; edits {files}" if files else "")


def _holding(decided: Mapping[str, Any]) -> str:
    held, limit = duration(decided["minHealthyMs"]), duration(decided["deadlineMs"])
    return f"all must hold for {held}, within {limit}"


def _gate(gate: Mapping[str, Any]) -> str:
    advisory = " (advisory)" if gate["mode"] == "advisory" else ""
    return (
        f"{clean(gate['name'])} of {clean(gate['service'])}{advisory}: {clean(gate['threshold'])}"
    )


def _changes(changed: list[Mapping[str, Any]] | None) -> list[str]:
    if changed is None:
        return []
    shown = [f"{clean(file['status'])} {clean(file['path'])}" for file in changed[:_SHOWN_FILES]]
    hidden = len(changed) - len(shown)
    return [*shown, f"and {hidden} more files"] if hidden else shown


def _block(title: str, lines: list[str]) -> list[str]:
    return [title, *(f"  {clean(line)}" for line in lines)] if lines else []
