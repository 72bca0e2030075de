"""Build secrets: any bytes of a variable or a file, or a sentence on why not."""

from pathlib import Path

import pytest

from deployctl.config.settings import SecretSource, SourceSettings
from deployctl.errors import ConfigError
from deployctl.rollout.secret_values import LARGEST_BYTES, build_secrets
from tests.cases import Case, refuses


def of(**sources: SecretSource) -> dict[str, str]:
    return build_secrets(SourceSettings(secrets=sources))


def test_of_a_variable_and_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "tök€n")
    (tmp_path / "netrc").write_bytes(b"two\nlines\r\n\xff\xfe\n")
    values = of(token=SecretSource(env="TOKEN"), netrc=SecretSource(file=tmp_path / "netrc"))
    assert values["token"] == "tök€n"
    assert values["netrc"].encode("utf-8", "surrogateescape") == b"two\nlines\r\n\xff\xfe\n"


@refuses("Sources", "a build secret that is not set", 78, "which is not set. export ")
def test_a_variable_that_is_not_set(refusal: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    with pytest.raises(ConfigError, match="TOKEN") as caught:
        of(token=SecretSource(env="TOKEN"))
    assert caught.value.code == refusal.code
    assert refusal.sentence in f"{caught.value.what} {caught.value.next_step}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigError, match=r"can't be read from .*: \w"):
            of(token=SecretSource(file=path))


@refuses("Sources", "a build secret with a NUL byte", 78, "has a NUL byte, which can't be sent")
def test_a_file_with_a_nul(tmp_path: Path, refusal: Case) -> None:
    (tmp_path / "store.p12").write_bytes(b"a\0b")
    with pytest.raises(ConfigError) as caught:
        of(token=SecretSource(file=tmp_path / "store.p12"))
    assert caught.value.code == refusal.code
    assert refusal.sentence in caught.value.what
    assert "base64" in caught.value.next_step


def test_more_than_buildkit_takes(tmp_path: Path) -> None:
    (tmp_path / "half").write_bytes(b"x" * (LARGEST_BYTES // 2 + 1))
    half = SecretSource(file=tmp_path / "half")
    assert of(one=half)
    with pytest.raises(ConfigError, match="more than 500 KiB"):
        of(one=half, two=half)
