"""Choosing where images come from, without Docker."""

import pytest

from deployctl.lab import images
from deployctl.lab.docker import LabError, tail


def test_the_archive_is_the_machine_s_own_debian_archive() -> None:
    lines = [
        "https://packages.example/vendor stable main",
        "http://mirror.example/debian-security/ bookworm-security main",
        "http://mirror.example/debian bookworm contrib",
        "http://mirror.example/debian/ bookworm main",
    ]
    assert images.debian_address(lines) == "http://mirror.example/debian/"


@pytest.mark.parametrize("line", ["http://mirror.example/ubuntu noble main", "", "cdrom:x trixie"])
def test_a_machine_without_debian_has_no_archive(line: str) -> None:
    assert images.debian_address([line]) is None


def test_an_archive_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYCTL_LAB_ARCHIVE", "http://given.example/debian")
    assert images.debian_archive() == "http://given.example/debian"


def test_without_any_archive_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYCTL_LAB_ARCHIVE", raising=False)
    monkeypatch.setattr(images, "run", lambda *_, **__: "http://mirror.example/ubuntu noble main\n")
    with pytest.raises(LabError) as caught:
        images.debian_archive()
    assert "DEPLOYCTL_LAB_ARCHIVE=" in caught.value.next_step


def test_pip_settings_lose_the_paths_of_this_machine() -> None:
    listing = (
        "global.cert='/home/someone/bundle.pem'\n"
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='file:///srv/simple https://more.example/simple'\n"
        "global.find-links='/srv/wheels'\n"
        ":env:.default-timeout='180'\n"
    )
    assert images.translate_pip_settings(listing, certificates=True) == (
        "[global]\n"
        "cert = /etc/ssl/certs/ca-certificates.crt\n"
        "index-url = https://index.example/simple\n"
        "extra-index-url = https://more.example/simple\n"
        "default-timeout = 180\n"
    )


def test_an_index_that_is_a_folder_here_is_left_out() -> None:
    listing = "global.extra-index-url='file:///srv/simple'\n"
    assert images.translate_pip_settings(listing, certificates=True) == ""


def test_a_machine_without_pip_settings_changes_no_image() -> None:
    assert images.translate_pip_settings("", certificates=True) == ""


def test_of_long_output_the_end_is_kept() -> None:
    output = "\n".join(f"line {n}" for n in range(100))
    assert tail(output.encode(), None).splitlines()[0] == "line 75"
    assert tail(output.encode(), "error").splitlines()[-1] == "error"
