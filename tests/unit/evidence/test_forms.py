"""A known value is found however tools print it."""

import base64
import json
from urllib.parse import quote

import pytest

from deployctl.evidence.redact import MARK, Redactor
from tests.printers import PRINTERS, VALUE


@pytest.mark.parametrize("printer", PRINTERS)
def test_it_is_found_in_every_form_that_tools_print(printer: str) -> None:
    printed = PRINTERS[printer](VALUE).strip()
    shown = Redactor({"X": VALUE}).text(f"before {printed} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert MARK in shown
    # No more than the ends of a base64, or quotes, are left around the mark.
    assert len(shown.replace(MARK, "")) < len("before  after") + 50
    for form in (VALUE, VALUE[5:-5], printed[len(printed) // 2 :][:12]):
        assert form not in shown


@pytest.mark.parametrize("name", ["KEY", "X"])
def test_each_line_of_a_value_of_many_is_found_in_them(name: str) -> None:
    lines = ["-----BEGIN THING-----", "MIIEvQIBADANBgkqhkiG9w0", "-----END THING-----"]
    value = "\n".join(lines)
    redactor = Redactor({name: value})
    printed = [json.dumps(value), repr(value), quote(value), base64.b64encode(value.encode())]
    for each in printed:
        shown = redactor.text(str(each))
        assert "MIIEvQIB" not in shown
        assert base64.b64encode(b"IEvQIBADANBgkq").decode()[2:-4] not in shown
