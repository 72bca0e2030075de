"""`verify` and `audit` as text: what it comes to in one line, then the rest. Pure."""

from deployctl.result import Document
from deployctl.ui.text import clean


def verify_text(document: Document) -> list[str]:
    data = document.model_dump(mode="json", by_alias=True)
    checks = [f"{each['state']:<10}  {clean(each['told'])}" for each in data["checks"]]
    return [clean(data["sentence"]), "", *checks]


def audit_text(document: Document) -> list[str]:
    data = document.model_dump(mode="json", by_alias=True)
    rest = [clean(each["told"]) for each in data["findings"][1:]]
    return [clean(data["sentence"]), *rest, *map(clean, data["notes"])]
