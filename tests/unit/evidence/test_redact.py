"""What counts as a secret, and in which forms it is recognised."""

import base64
import time

import pytest

from deployctl.evidence.redact import MARK, LineRedactor, Redactor, looks_secret

VALUE = 's3cr3t/"value"+é'


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("DB_PASSWORD=hunter2", f"DB_PASSWORD={MARK}"),
        ('DB_PASSWORD: "two words"', f'DB_PASSWORD: "{MARK}"'),
        ('{"password": "x", "user": "ana"}', f'{{"password": "{MARK}", "user": "ana"}}'),
        ("dbPassword=x y", f"dbPassword={MARK} y"),
        ("postgres://app:hunter2@db:5432/app", f"postgres://app:{MARK}@db:5432/app"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {MARK}"),
        ("authorization: Basic dXNlcg==", f"authorization: Basic {MARK}"),
        ("https://x/?access_token=abc&page=2", f"https://x/?access_token={MARK}&page=2"),
        ("Set-Cookie: id=1; Path=/", f"Set-Cookie: {MARK}; Path=/"),
        ("token ghp_" + "a" * 36, f"token {MARK}"),
        ("AKIAABCDEFGHIJKLMNOP", MARK),
        ("glpat-" + "x" * 20, MARK),
    ],
)
def test_patterns_find_what_nobody_declared(text: str, clean: str) -> None:
    assert Redactor().text(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "PORT=8000",
        "PWD=/app",
        "password=${DB_PASSWORD}",
        "2 of 3 pass: the rest waits",
        "compass: north",
        'python_gc_objects_collected_total{generation="0"} 460.0',
        "tokens: 512",
        "has_token: true",
        "http://127.0.0.1:9090/api/v1/targets",
        "commit d73cfb1000000000000000000000000000000000",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize("prefix", ["", "u", "us", "user"])
def test_a_known_value_is_found_inside_longer_base64(prefix: str) -> None:
    encoded = base64.b64encode(f"{prefix}correct-horse-battery".encode()).decode()
    clean = Redactor({"X": "correct-horse-battery"}).text(encoded)
    assert MARK in clean
    assert b"horse" not in base64.b64decode(clean.split(MARK)[0] + "====")


def test_short_values_count_only_under_a_secret_name() -> None:
    redactor = Redactor({"PORT": "8000", "DB_PASSWORD": "abcd"})
    assert redactor.text("listening on 8000 with abcd") == f"listening on 8000 with {MARK}"


def test_public_names_are_left_alone() -> None:
    assert Redactor({"REGION": "europe-west"}, public=["REGION"]).text("europe-west") == (
        "europe-west"
    )


@pytest.mark.parametrize("name", ["DB_PASSWORD", "apiKey", "GITHUB_TOKEN", "SENTRY_DSN", "db.pass"])
def test_names_that_look_secret(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["PORT", "PWD", "HOSTNAME", "COMPASS", "MONKEY", "PATH"])
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


def test_a_private_key_disappears_as_a_whole() -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\nNzaC1r\n-----END OPENSSH PRIVATE KEY-----"
    assert Redactor().text(f"a\n{key}\nb") == f"a\n{MARK}\nb"


def test_a_private_key_disappears_line_by_line() -> None:
    lines = LineRedactor(Redactor())
    shown = [
        lines.line(text)
        for text in (
            "cat key",
            "-----BEGIN RSA PRIVATE KEY-----",
            "MIIEow",
            "-----END RSA PRIVATE KEY-----",
            "done",
        )
    ]
    assert shown == ["cat key", MARK, MARK, MARK, "done"]


def test_a_value_of_several_lines_is_found_in_each_of_them() -> None:
    assert Redactor({"KEYS": "first-line\nsecond-line"}).text("second-line") == MARK


def test_values_of_json_are_cleaned_by_content_and_by_key() -> None:
    value = {"a": ["Bearer", {"clientSecret": "x"}], "n": 3, "u": "redis://:pw12@h"}
    assert Redactor().value(value) == {
        "a": ["Bearer", {"clientSecret": MARK}],
        "n": 3,
        "u": f"redis://:{MARK}@h",
    }


def test_a_secret_that_is_a_key_of_json_is_cleaned_and_none_is_lost() -> None:
    token = "ghp_" + "a" * 36
    value = {"hunter2hunter2": 1, "x": [{"hunter2hunter2": {token: "t"}}], token: 2, 3: 4}
    assert Redactor({"X": "hunter2hunter2"}).value(value) == {
        MARK: 1,
        "x": [{MARK: {MARK: "t"}}],
        f"{MARK} (2)": 2,
        3: 4,
    }


@pytest.mark.parametrize("key", ["artefacts", "runId", "beforeSha256", "_type", "build_log"])
def test_a_secret_that_is_called_like_a_key_of_ours_breaks_no_document(key: str) -> None:
    for secret in (key, key[:4]):
        assert Redactor({"TOKEN": secret}).value({key: [1]}) == {key: [1]}


def test_bytes_that_are_no_text_stay() -> None:
    redactor = Redactor({"X": "hunter2hunter2"})
    assert redactor.data(b"\xff\xfehunter2hunter2") == b"\xff\xfe[redacted]"
    assert redactor.data(b"\xff\xfe") == b"\xff\xfe"


def test_one_byte_that_is_no_utf8_switches_no_pattern_off() -> None:
    data = b"caf\xe9\npassword=hunter2hunter2\nghp_" + b"a" * 36
    assert Redactor().data(data) == b"caf\xe9\npassword=[redacted]\n[redacted]"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_known_value_with_accents_is_found_whoever_wrote_it(encoding: str) -> None:
    redactor = Redactor({"X": "pässwörd-99"})
    data = b"\xff " + "pässwörd-99".encode(encoding)
    assert redactor.data(data) == b"\xff [redacted]"
    assert redactor.holds(data)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_what_can_not_be_cleaned_is_not_kept(encoding: str) -> None:
    redactor = Redactor({"X": "hunter2hunter2"})
    assert redactor.data("é hunter2hunter2".encode(encoding)) is None


def test_a_known_key_hides_no_other_key() -> None:
    ours = "-----BEGIN PRIVATE KEY-----\nMIIEours\n-----END PRIVATE KEY-----\n"
    theirs = ours.replace("ours", "theirs")
    assert Redactor({"SIGNING_KEY": ours}).text(f"{ours}{theirs}") == f"{MARK}\n{MARK}\n"


@pytest.mark.parametrize("between", ["-----BEGIN", "BEGIN"])
def test_a_second_key_on_the_line_that_ends_the_first(between: str) -> None:
    lines = LineRedactor(Redactor())
    told = ["-----BEGIN PRIVATE KEY-----", "MIIEfirst",
            f"-----END PRIVATE KEY-----{between} PRIVATE KEY-----", "MIIEsecond",
            "-----END PRIVATE KEY-----", "then"]  # fmt: skip
    assert [lines.line(line) for line in told] == [MARK, MARK, MARK + MARK, MARK, MARK, "then"]


@pytest.mark.parametrize("unit", ["a", "a_", "secret", "token=", "eyJ", '"', "://", "x:"])
def test_hostile_text_takes_no_long_time(unit: str) -> None:
    began = time.monotonic()
    Redactor().text(unit * (200_000 // len(unit)))
    assert time.monotonic() - began < 3
