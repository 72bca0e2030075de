"""The results as tables, and the page that carries them. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.overhead import END, START
from bench.stats import Goal, table
from bench.whole import BY_HAND

BEGIN, FINISH = "<!-- results: begin -->", "<!-- results: end -->"
Document = Mapping[str, Any]


def tables(document: Document, goals: Sequence[Goal]) -> str:
    """Every part that was measured, as Markdown."""
    makers = {
        "whole": _whole,
        "overhead": _overhead,
        "rollback": _rollback,
        "startup": _startup,
        "memory": _memory,
        "evidence": _evidence,
    }
    parts = [maker(document[name]) for name, maker in makers.items() if name in document]
    parts.append(_goals(goals))
    return "\n\n".join(parts)


def page(old: str, document: Document, goals: Sequence[Goal]) -> str:
    """The page with its results replaced. Raises ValueError when it has no place for them."""
    before, begin, rest = old.partition(BEGIN)
    _, finish, after = rest.partition(FINISH)
    if not begin or not finish:
        raise ValueError(f"the page has no {BEGIN} … {FINISH}")
    body = f"{_provenance(document)}\n\n{tables(document, goals)}"
    return f"{before}{BEGIN}\n\n{body}\n\n{FINISH}{after}"


def _provenance(document: Document) -> str:
    machine = document["machine"]
    return (
        f"Made by `{document['command']}` on {document['date']}: {machine['cores']} cores, "
        f"Linux {machine['kernel']}, Python {machine['python']}; on the lab host Docker "
        f"{machine['docker']} and Compose {machine['compose']}. "
        f"{document['repetitions']} repetitions, interleaved; medians (least to greatest)."
    )


def _goals(goals: Sequence[Goal]) -> str:
    rows = [
        (g.what, f"{g.measured:.2f} {g.unit}".strip(), f"≤ {g.limit:g} {g.unit}".strip(),
         "met" if g.met else "**missed**")
        for g in goals
    ]  # fmt: skip
    return "### Goals\n\n" + table(("figure", "measured", "goal", ""), rows)


def _whole(part: Document) -> str:
    base = part["variants"][BY_HAND]["seconds"]["median"]
    rows = []
    for name, found in part["variants"].items():
        own = found.get("ownOutageMs")
        said = "none"
        if own:
            differences = ", ".join(f"{d:+d}" for d in found["ownDifferenceMs"])
            resolution = found["ownResolutionMs"]["median"]
            said = f"{own['median']:.0f} ± {resolution:.0f} ms (run by run {differences})"
        rows.append(
            (name, _spread(found["seconds"], "s", 2), f"{found['seconds']['median'] / base:.2f}",
             _spread(found["outageMs"], "ms", 0), said)
        )  # fmt: skip
    rows += [(name, "skipped", "", why, "") for name, why in part["skipped"].items()]
    head = ("variant", "whole hotfix", "ratio", "outage by the prober", "outage by deployctl")
    return "### The whole hotfix, and its outage\n\n" + table(head, rows)


def _overhead(part: Document) -> str:
    trips = list(part)
    head = ("part of the run", *[f"{rtt} ms round trip" for rtt in trips])
    own = part[trips[0]]["ownMs"]
    names = {START: "own: until the run begins", END: "own: after it, and between stages"}
    rows = [("wall", *[_spread(part[rtt]["wallMs"], "ms", 0) for rtt in trips])]
    for key, title in (
        ("build", "`docker build`"),
        ("up", "`docker compose up`"),
        ("gate", "gate stage"),
    ):
        rows.append((title, *[_spread(part[rtt][f"{key}Ms"], "ms", 0) for rtt in trips]))
    rows += [
        (names.get(stage, f"own: {stage}"),
         *[_spread(part[rtt]["ownMs"][stage], "ms", 0) for rtt in trips])
        for stage in own
    ]  # fmt: skip
    rows.append(
        ("**overhead, their sum**", *[_spread(part[r]["overheadMs"], "ms", 0) for r in trips])
    )
    for key, title in (
        ("connections", "SSH connections"),
        ("sentBytes", "bytes to the host"),
        ("receivedBytes", "bytes from the host"),
        ("dockerCalls", "calls of docker on the host"),
    ):
        rows.append((title, *[f"{part[rtt][key]['median']:,.0f}" for rtt in trips]))
    return "### deployctl's own overhead\n\n" + table(head, rows)


def _rollback(part: Document) -> str:
    rows = [
        (name, _spread(found["upMs"], "ms", 0), _spread(found["costMs"], "ms", 0))
        for name, found in part.items()
    ]
    head = ("rollback", "stop the new container, start the old", "everything else")
    return "### A rollback's own cost\n\n" + table(head, rows)


def _startup(part: Document) -> str:
    rows = [(f"`{name}`", _spread(found, "ms", 0)) for name, found in part["ms"].items()]
    return "### Start-up\n\n" + table(("command", "time"), rows)


def _memory(part: Document) -> str:
    rows = [
        (name, f"{peak['processMb']:.0f} MB", f"{peak['greatestMb']:.0f} MB",
         f"{peak['seconds']:.1f} s")
        for name, peak in part.items()
    ]  # fmt: skip
    head = ("command and tree", "deployctl", "greatest of it and its git", "took")
    return "### Peak memory\n\n" + table(head, rows)


def _evidence(part: Document) -> str:
    rows = [(name, _spread(found, "ms", 0)) for name, found in part.items()]
    return "### Evidence\n\n" + table(("what", "time"), rows)


def _spread(found: Document, unit: str, digits: int) -> str:
    median, least, greatest = (found[key] for key in ("median", "least", "greatest"))
    return f"{median:.{digits}f} {unit} ({least:.{digits}f} to {greatest:.{digits}f})"
