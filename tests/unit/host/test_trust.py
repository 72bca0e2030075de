"""Host keys: what is accepted, what is refused, and what a person is told."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployctl.errors import ConfigError, UnreachableError
from deployctl.host.connection import Host
from deployctl.host.known_hosts import about, parse
from tests.unit.host.conftest import Sshd, StartSshd, keygen, public

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHI6Kj3mUK3jUxoy9dPUfGcgZ3n9GgRVEXLyGBUCZ9Vx"


def accepted(address: object) -> bool:
    with Host.connect(address) as host:  # type: ignore[arg-type]
        return host.alive()


def fingerprint(key: Path) -> str:
    shown = subprocess.run(
        ["ssh-keygen", "-lf", f"{key}.pub"], check=True, capture_output=True, text=True
    )
    return shown.stdout.split()[1]


class TestReadingKnownHosts:
    @pytest.mark.parametrize(
        ("hosts", "host", "port", "matches"),
        [
            ("vps.example.com", "vps.example.com", 22, True),
            ("VPS.example.com", "vps.EXAMPLE.com", 22, True),
            ("vps.example.com", "vps.example.com", 2222, False),
            ("[vps.example.com]:2222", "vps.example.com", 2222, True),
            ("[vps.example.com]:2222", "vps.example.com", 22, False),
            ("a,b,192.0.2.1", "b", 22, True),
            ("*.example.com", "vps.example.com", 22, True),
            ("*.example.com,!db.example.com", "db.example.com", 22, False),
            ("!db.example.com,*.example.com", "vps.example.com", 22, True),
            ("[*.example.com]:2222", "vps.example.com", 2222, True),
            ("192.0.2.?", "192.0.2.7", 22, True),
            ("192.0.2.?", "192.0.2.77", 22, False),
            ("vps.example.com", "vpsxexample.com", 22, False),
            ("[::1]:2222", "::1", 2222, True),
        ],
    )
    def test_patterns(self, hosts: str, host: str, port: int, matches: bool) -> None:
        assert bool(about(parse(f"{hosts} {ED}"), host, port)) is matches

    def test_hashed_names(self, tmp_path: Path) -> None:
        file = tmp_path / "known_hosts"
        file.write_text(f"[vps.example.com]:2222 {ED}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
        entries = parse(file.read_text())
        assert file.read_text().startswith("|1|")
        assert about(entries, "vps.example.com", 2222)
        assert not about(entries, "vps.example.com", 22)

    def test_markers_and_where_a_line_stands(self) -> None:
        text = f"# comment\n\n@cert-authority *.x {ED}\n@revoked * {ED} gone\n@new a {ED}\n"
        assert [(e.marker, e.source) for e in parse(text, "f")] == [
            ("@cert-authority", "f:3"),
            ("@revoked", "f:4"),
        ]

    @pytest.mark.parametrize(
        "line",
        ["", "host", "host ssh-ed25519", "host ssh-ed25519 !!!", f"host ssh-rsa {ED.split()[1]}",
         "|1|x|y ssh-ed25519 AAAA", "\x00\xff"],
    )  # fmt: skip
    def test_lines_without_sense_are_passed_over(self, line: str) -> None:
        assert len(parse(f"{line}\nok {ED}\n")) == 1


class TestKnownHosts:
    def test_an_unknown_host_is_refused_with_fingerprint_and_command(self, sshd: Sshd) -> None:
        address = sshd.knowing()
        with pytest.raises(UnreachableError) as caught:
            Host.connect(address)
        assert "is not known" in caught.value.what
        assert fingerprint(sshd.host_key) in caught.value.what
        command = caught.value.next_step.partition("accept it: ")[2]
        assert command == (
            f"ssh-keyscan -p {sshd.port} -t ed25519 127.0.0.1 >> {address.known_hosts}"
        )
        subprocess.run(["sh", "-c", command], check=True, capture_output=True)
        assert accepted(address)

    def test_nothing_is_written_to_known_hosts(self, sshd: Sshd, home: Path) -> None:
        with pytest.raises(UnreachableError):
            Host.connect(replace(sshd.address, known_hosts=None))
        assert list((home / ".ssh").iterdir()) == []

    def test_the_users_own_file_is_the_default(self, sshd: Sshd, home: Path) -> None:
        (home / ".ssh" / "known_hosts").write_text(sshd.known_hosts.read_text())
        assert accepted(replace(sshd.address, known_hosts=None))

    def test_a_changed_key_is_refused_with_both_fingerprints(
        self, sshd: Sshd, tmp_path: Path
    ) -> None:
        old = keygen(tmp_path / "old")
        with pytest.raises(UnreachableError, match="has changed") as caught:
            Host.connect(sshd.knowing(f"{sshd.name} {public(old)}"))
        assert fingerprint(old) in caught.value.what
        assert fingerprint(sshd.host_key) in caught.value.what
        assert "ssh-keygen -R" in caught.value.next_step

    def test_hashed_lists_and_patterns(self, sshd: Sshd) -> None:
        assert accepted(sshd.knowing(f"other,{sshd.name} {public(sshd.host_key)}"))
        assert accepted(sshd.knowing(f"[127.0.0.*]:{sshd.port} {public(sshd.host_key)}"))
        hashed = sshd.knowing(f"{sshd.name} {public(sshd.host_key)}")
        subprocess.run(
            ["ssh-keygen", "-q", "-H", "-f", str(hashed.known_hosts)],
            check=True,
            capture_output=True,
        )
        assert accepted(hashed)

    def test_a_negated_pattern_is_unknown(self, sshd: Sshd) -> None:
        with pytest.raises(UnreachableError, match="is not known"):
            Host.connect(sshd.knowing(f"*,!*127.0.0.1* {public(sshd.host_key)}"))

    def test_a_name_without_port_counts_as_it_does_for_ssh(
        self, sshd: Sshd, tmp_path: Path
    ) -> None:
        assert accepted(sshd.knowing(f"127.0.0.1 {public(sshd.host_key)}"))
        with pytest.raises(UnreachableError, match="is not known"):
            Host.connect(sshd.knowing(f"127.0.0.1 {public(keygen(tmp_path / 'other'))}"))

    def test_a_revoked_key_is_refused_even_where_it_is_known(self, sshd: Sshd) -> None:
        key = public(sshd.host_key)
        with pytest.raises(UnreachableError, match="revoked"):
            Host.connect(sshd.knowing(f"{sshd.name} {key}", f"@revoked * {key}"))

    def test_only_known_key_types_are_asked_for(
        self, start_sshd: StartSshd, tmp_path: Path
    ) -> None:
        rsa = tmp_path / "rsa"
        words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa]
        subprocess.run(words, check=True)
        sshd = start_sshd(f"HostKey {rsa}")
        assert accepted(sshd.knowing(f"{sshd.name} {public(rsa)}"))
        assert accepted(sshd.knowing(f"{sshd.name} {public(sshd.host_key)}"))

    def test_a_host_that_lost_its_known_key_type_has_changed(
        self, sshd: Sshd, tmp_path: Path
    ) -> None:
        rsa = tmp_path / "rsa"
        words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa]
        subprocess.run(words, check=True)
        with pytest.raises(UnreachableError, match="has changed") as caught:
            Host.connect(sshd.knowing(f"{sshd.name} {public(rsa)}"))
        assert fingerprint(rsa) in caught.value.what
        assert fingerprint(sshd.host_key) in caught.value.what

    def test_a_file_that_cannot_be_read(self, sshd: Sshd, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="can't be read"):
            Host.connect(replace(sshd.address, known_hosts=tmp_path))


class TestPinnedKey:
    @pytest.mark.parametrize(
        "form", ["{key}", "{key} a comment\n", "somehost {key}", "{other}\n{key}"]
    )
    def test_the_pinned_key_is_enough(self, sshd: Sshd, form: str) -> None:
        text = form.format(key=public(sshd.host_key), other=ED)
        assert accepted(replace(sshd.knowing(), host_key=text))

    def test_only_the_pinned_key_counts(self, sshd: Sshd) -> None:
        with pytest.raises(UnreachableError, match="has changed") as caught:
            Host.connect(replace(sshd.address, host_key=ED))
        assert "host.host_key" in caught.value.what
        assert "ssh-keygen -R" not in caught.value.next_step

    @pytest.mark.parametrize("text", ["", "  \n", "SHA256:abc", "ssh-ed25519", "ssh-ed25519 AAAA"])
    def test_what_is_no_key_is_a_mistake_in_the_settings(self, sshd: Sshd, text: str) -> None:
        with pytest.raises(ConfigError, match="host_key"):
            Host.connect(replace(sshd.address, host_key=text))


class TestCertificateAuthorities:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Path:
        return keygen(tmp_path / "ca")

    @pytest.fixture
    def certified(
        self, start_sshd: StartSshd, authority: Path, tmp_path: Path
    ) -> Callable[..., Sshd]:
        def start(*words: str, signer: Path = authority) -> Sshd:
            key = keygen(tmp_path / f"host_{len(list(tmp_path.iterdir()))}")
            subprocess.run(
                ["ssh-keygen", "-q", "-s", signer, "-I", "test", *words, f"{key}.pub"], check=True
            )
            return start_sshd(f"HostCertificate {key}-cert.pub", host_key=key)

        return start

    def test_a_certificate_of_a_known_authority(
        self, certified: Callable[..., Sshd], authority: Path
    ) -> None:
        sshd = certified("-h", "-n", "127.0.0.1,vps")
        line = f"@cert-authority [127.0.0.*]:* {public(authority)}"
        assert accepted(sshd.knowing(line))

    def test_an_rsa_authority(self, certified: Callable[..., Sshd], tmp_path: Path) -> None:
        rsa = tmp_path / "ca_rsa"
        words = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa]
        subprocess.run(words, check=True)
        sshd = certified("-h", "-n", "127.0.0.1", signer=rsa)
        assert accepted(sshd.knowing(f"@cert-authority * {public(rsa)}"))
        old = certified("-h", "-n", "127.0.0.1", "-t", "ssh-rsa", signer=rsa)
        with pytest.raises(UnreachableError, match="not signed as it should be"):
            Host.connect(old.knowing(f"@cert-authority * {public(rsa)}"))

    @pytest.mark.parametrize(
        ("words", "fault"),
        [
            (("-h", "-n", "elsewhere"), "not for 127.0.0.1"),
            (("-h",), "no host by name"),
            (("-n", "127.0.0.1"), "a user's certificate"),
            (("-h", "-n", "127.0.0.1", "-V", "20200101:20200102"), "not valid at this time"),
        ],
    )
    def test_a_certificate_that_is_not_good(
        self,
        certified: Callable[..., Sshd],
        authority: Path,
        words: tuple[str, ...],
        fault: str,
    ) -> None:
        try:
            sshd = certified(*words)
        except AssertionError:
            pytest.skip("this sshd itself refuses such a certificate")
        with pytest.raises(UnreachableError, match="is not known") as caught:
            Host.connect(sshd.knowing(f"@cert-authority * {public(authority)}"))
        assert fault in caught.value.what or "shows no certificate" in caught.value.what

    def test_an_authority_that_is_not_ours(
        self, certified: Callable[..., Sshd], tmp_path: Path
    ) -> None:
        sshd = certified("-h", "-n", "127.0.0.1")
        other = keygen(tmp_path / "other_ca")
        with pytest.raises(UnreachableError, match="unknown here"):
            Host.connect(sshd.knowing(f"@cert-authority * {public(other)}"))
        # The key inside may still be known by itself.
        lines = (f"@cert-authority * {public(other)}", f"{sshd.name} {public(sshd.host_key)}")
        assert accepted(sshd.knowing(*lines))

    def test_an_authority_is_no_host(self, certified: Callable[..., Sshd], authority: Path) -> None:
        sshd = certified("-h", "-n", "127.0.0.1")
        with pytest.raises(UnreachableError, match="is not known"):
            Host.connect(sshd.knowing(f"@cert-authority * {public(sshd.host_key)}"))
        with pytest.raises(UnreachableError):
            Host.connect(sshd.knowing(f"{sshd.name} {public(authority)}"))

    def test_a_revoked_authority(self, certified: Callable[..., Sshd], authority: Path) -> None:
        sshd = certified("-h", "-n", "127.0.0.1")
        key = public(authority)
        with pytest.raises(UnreachableError, match="revoked"):
            Host.connect(sshd.knowing(f"@cert-authority * {key}", f"@revoked * {key}"))
