"""Which secrets the settings name."""

import os
from pathlib import Path

from deployctl.config.settings import Settings
from deployctl.evidence.known_secrets import known_secrets
from deployctl.evidence.redact import Redactor


def test_variables_and_files_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine x password y")
    settings = Settings.model_validate(
        {
            "target": "lab",
            "repository": tmp_path,
            "host": {"host": "h", "key_env": "KEY"},
            "services": ["api"],
            "source": {"secrets": {"pip": {"env": "INDEX"}, "netrc": {"file": tmp_path / "netrc"}}},
            "gates": {"health": {"type": "health", "path": "/health", "basic_env": "BASIC"}},
        }
    )
    env = {"KEY": "private", "INDEX": "token-1", "BASIC": "ana:pass word", "OTHER": "x"}
    assert known_secrets(settings, env) == {
        "KEY": "private",
        "INDEX": "token-1",
        "BASIC": "ana:pass word",
        "BASIC_password": "pass word",
        "netrc_secret": "machine x password y",
    }


def test_variables_that_a_playbook_passes_on_but_for_those_of_every_process(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {"target": "lab", "repository": tmp_path, "host": {"host": "h"}, "services": ["api"]}
    )
    env = {"HOOK": "https://chat/x", "HOME": "/home/ann", "OTHER": "x"}
    assert known_secrets(settings, env, ["HOOK", "HOME"])["HOOK"] == "https://chat/x"
    assert "HOME" not in known_secrets(settings, env, ["HOOK", "HOME"])


def test_what_is_not_set_or_not_there_is_left_out(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "target": "lab",
            "repository": tmp_path,
            "host": {"host": "h", "key_env": "KEY"},
            "services": ["api"],
            "source": {"secrets": {"netrc": {"file": tmp_path / "missing"}}},
        }
    )
    assert known_secrets(settings, {}) == {}


def test_bytes_that_are_no_text_are_known_as_a_log_shows_them(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "target": "lab",
            "repository": tmp_path,
            "host": {"host": "h", "key_env": "KEY"},
            "services": ["api"],
        }
    )
    known = known_secrets(settings, {"KEY": os.fsdecode(b"odd-\xff-bytes")})
    assert known == {"KEY": "odd-�-bytes"}
    assert Redactor(known).text("it is odd-�-bytes") == "it is [redacted]"


def test_addresses_by_which_others_are_told_are_secrets_but_not_the_name_of_a_host(
    tmp_path: Path,
) -> None:
    settings = Settings.model_validate(
        {
            "target": "lab",
            "repository": tmp_path,
            "host": {"host": "h"},
            "services": ["api"],
            "notify": [
                {"type": "webhook", "url": "https://chat.example.com/hooks/T0123/abcdefghij"},
                {"type": "webhook", "url_env": "HOOK"},
                {"type": "cdevents", "url": "https://events.example.com"},
                {"type": "grafana", "url": "https://grafana.example.com/g", "token_env": "TOKEN"},
            ],
        }
    )
    redactor = Redactor(
        known_secrets(settings, {"HOOK": "https://x.example.com/y/0123456789abcdef"})
    )
    for text in (
        "POST https://chat.example.com/hooks/T0123/abcdefghij",
        "Max retries exceeded with url: /hooks/T0123/abcdefghij",
        "Max retries exceeded with url: /y/0123456789abcdef",
    ):
        assert "abcdef" not in redactor.text(text)
    plain = "at https://events.example.com and https://grafana.example.com/g"
    assert redactor.text(plain) == plain


def test_no_dump_of_the_settings_shows_such_an_address(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "target": "lab",
            "repository": tmp_path,
            "host": {"host": "h"},
            "services": ["api"],
            "notify": [{"type": "webhook", "url": "https://chat.example.com/a-secret"}],
        }
    )
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "a-secret" not in shown
