"""Connecting, running programs and losing the link, against a real sshd."""

import hashlib
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployctl.errors import ConfigError, ExitCode, LinkLostError, UnreachableError
from deployctl.host import connection, transport
from deployctl.host.address import HostAddress
from deployctl.host.commands import run_command
from deployctl.host.connection import AnswerTimeoutError, Host, ProgramFailed
from deployctl.host.opening import Opened, open_route
from tests.unit.host.conftest import Sshd, StartSshd, free_port, keygen

MakeProgram = Callable[[str], str]


class TestConnecting:
    def test_label_says_who_where_and_which_port(self, sshd: Sshd, host: Host) -> None:
        assert host.label.endswith(f"@127.0.0.1:{sshd.port}")

    def test_small_messages_are_not_held_back_and_the_fast_cipher_is_used(self, host: Host) -> None:
        link = host._opened.transport
        assert link.remote_cipher == "aes128-gcm@openssh.com"
        assert link.sock.getsockopt(6, 1)  # TCP_NODELAY

    def test_a_name_that_does_not_resolve(self, sshd: Sshd) -> None:
        with pytest.raises(UnreachableError, match="can't be resolved"):
            Host.connect(replace(sshd.address, host="no-such-host.invalid"))

    def test_a_resolver_that_does_not_answer(
        self, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer in"):
            Host.connect(replace(sshd.address, connect_timeout=0.2))
        assert time.monotonic() - started < 2

    def test_a_port_where_nothing_listens(self, sshd: Sshd) -> None:
        with pytest.raises(UnreachableError, match="refused the connection") as caught:
            Host.connect(replace(sshd.address, port=free_port()))
        assert caught.value.code is ExitCode.UNREACHABLE
        assert caught.value.next_step

    def test_a_server_that_says_nothing_is_given_up_in_time(self, sshd: Sshd) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = replace(sshd.address, port=silent.getsockname()[1], connect_timeout=0.3)
            started = time.monotonic()
            with pytest.raises(UnreachableError, match="no SSH session"):
                Host.connect(address)
            assert time.monotonic() - started < 3

    def test_a_key_that_the_host_does_not_know(self, sshd: Sshd, tmp_path: Path) -> None:
        stranger = keygen(tmp_path / "stranger")
        with pytest.raises(UnreachableError, match="does not let us in") as caught:
            Host.connect(replace(sshd.address, key_file=stranger))
        assert str(stranger) in caught.value.what

    def test_no_key_at_all(self, sshd: Sshd) -> None:
        with pytest.raises(UnreachableError, match="no key to offer"):
            Host.connect(replace(sshd.address, key_file=None))

    def test_a_key_file_that_is_missing_or_is_no_key(self, sshd: Sshd, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="can't be read"):
            Host.connect(replace(sshd.address, key_file=tmp_path / "none"))
        junk = tmp_path / "junk"
        junk.write_text("not a key\n")
        with pytest.raises(ConfigError, match="not a private key"):
            Host.connect(replace(sshd.address, key_file=junk))

    @pytest.mark.parametrize("mangle", [str, lambda t: t.strip(), lambda t: t.replace("\n", "\\n")])
    def test_the_key_as_text_as_ci_systems_keep_it(
        self, sshd: Sshd, mangle: Callable[[str], str]
    ) -> None:
        text = mangle(sshd.user_key.read_text())
        address = replace(sshd.address, key_file=None, key_data=text)
        with Host.connect(address) as host:
            assert host.alive()
        assert text not in repr(address)

    def test_a_host_that_takes_only_passwords(self, start_sshd: StartSshd) -> None:
        other = start_sshd("PubkeyAuthentication no", "PasswordAuthentication yes")
        with pytest.raises(UnreachableError, match="no keys at all, only password"):
            Host.connect(other.address)

    def test_nothing_is_forwarded_of_the_agent(self, host: Host, program: MakeProgram) -> None:
        answer = host.run(program('put agent "${SSH_AUTH_SOCK-none}"'), timeout=5)
        assert answer.text("agent") == "none"


class TestRunning:
    def test_values_come_back_byte_for_byte(self, host: Host, program: MakeProgram) -> None:
        value = "ä\n'\"$HOME `id` \\n %s\t\r\n\n"
        answer = host.run(program('put same "$VALUE"'), {"value": value}, timeout=5)
        assert answer.bytes("same") == value.encode()

    def test_a_command_that_does_not_end_is_no_host_that_does_not_answer(self, host: Host) -> None:
        with pytest.raises(TimeoutError, match="did not end within") as caught:
            run_command(host, "sleep 30", {}, 0.3)
        assert not isinstance(caught.value, AnswerTimeoutError)

    def test_several_records_of_one_name(self, host: Host, program: MakeProgram) -> None:
        answer = host.run(program("put a 1\nput b 2\nput a 3"), timeout=5)
        assert answer.all("a") == [b"1", b"3"]
        assert answer.text("a") == "3"
        assert "b" in answer
        assert "c" not in answer
        assert answer.text("c", "default") == "default"
        with pytest.raises(KeyError):
            answer.bytes("c")

    def test_a_file_with_any_bytes(self, host: Host, program: MakeProgram, tmp_path: Path) -> None:
        file = tmp_path / "bytes"
        file.write_bytes(bytes(range(256)) * 300)
        answer = host.run(program('put_file it "$FILE"'), {"FILE": str(file)}, timeout=5)
        assert answer.bytes("it") == file.read_bytes()

    def test_input_is_the_programs_alone(self, host: Host, program: MakeProgram) -> None:
        data = b"line\n" * 1000 + b"\xff\xfe end"
        answer = host.run(
            program("put sum \"$(sha256sum | cut -d ' ' -f 1)\""), stdin=data, timeout=5
        )
        assert answer.text("sum") == hashlib.sha256(data).hexdigest()

    def test_failure_carries_kind_message_and_what_came_before(
        self, host: Host, program: MakeProgram
    ) -> None:
        with pytest.raises(ProgramFailed) as caught:
            host.run(program('put seen 1\nfail disk "No space\nleft"\nput never 1'), timeout=5)
        assert (caught.value.kind, caught.value.message) == ("disk", "No space\nleft")
        assert caught.value.answer.text("seen") == "1"
        assert "never" not in caught.value.answer

    @pytest.mark.parametrize("text", ["exit 7", 'echo "$NOT_SENT"', "if then"])
    def test_a_program_that_ends_without_saying_so_has_died(
        self, host: Host, program: MakeProgram, text: str
    ) -> None:
        with pytest.raises(ProgramFailed) as caught:
            host.run(program(f"put seen 1\necho why >&2\n{text}"), timeout=5)
        assert caught.value.kind == "died"
        if text != "if then":  # the shell parses all before it runs any
            assert "why" in caught.value.stderr

    def test_what_commands_print_does_not_mix_with_the_records(
        self, host: Host, program: MakeProgram
    ) -> None:
        answer = host.run(program("echo noise\nput a 1\nprintf 'b 3\\nxyz\\n'"), timeout=5)
        assert [record.name for record in answer.records] == ["a"]

    def test_both_streams_may_be_bigger_than_the_window(
        self, host: Host, program: MakeProgram
    ) -> None:
        zeros = "head -c 3000000 /dev/zero"
        text = f'{zeros} >&2\nput a "$({zeros} | tr "\\0" x)"'
        answer = host.run(program(text), timeout=15)
        assert len(answer.bytes("a")) == 3_000_000

    def test_input_and_output_may_both_be_bigger_than_the_window(
        self, host: Host, program: MakeProgram, tmp_path: Path
    ) -> None:
        big = tmp_path / "big"
        big.write_bytes(b"y" * 5_000_000)
        answer = host.run(
            program('put_file out "$BIG"\nput got "$(wc -c)"'),
            {"BIG": str(big)},
            stdin=b"x" * 5_000_000,
            timeout=15,
        )
        assert answer.text("got").strip() == "5000000"

    def test_a_flood_is_refused(self, host: Host, program: MakeProgram) -> None:
        with pytest.raises(ProgramFailed, match="at most"):
            host.run(program("printf 'big 99999999\\n' >&8\ncat /dev/zero >&8"), timeout=5)

    def test_the_deadline_holds_even_while_records_come(
        self, host: Host, program: MakeProgram
    ) -> None:
        started = time.monotonic()
        with pytest.raises(AnswerTimeoutError):
            host.run(program("while :; do put tick 1; sleep 0.1; done"), timeout=0.5)
        assert time.monotonic() - started < 2.5
        assert host.alive()

    def test_many_at_once(self, host: Host, program: MakeProgram) -> None:
        name = program('sleep 0.05; put n "$N"')
        got: dict[str, str] = {}

        def one(n: str) -> None:
            got[n] = host.run(name, {"N": n}, timeout=10).text("n")

        threads = [threading.Thread(target=one, args=(str(n),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == {str(n): str(n) for n in range(8)}

    @pytest.mark.parametrize("name", ["PATH", "IFS", "a-b", "1a", ""])
    def test_a_parameter_that_would_break_the_shell(
        self, host: Host, program: MakeProgram, name: str
    ) -> None:
        with pytest.raises(ValueError, match="parameter"):
            host.run(program("put a 1"), {name: "x"}, timeout=5)


class TestConversing:
    def test_lines_in_and_records_out(self, host: Host, program: MakeProgram) -> None:
        text = 'while IFS= read -r line; do put echo "<$line>"; done'
        with host.open(program(text)) as conversation:
            records = conversation.records(5)
            conversation.send("one")
            assert next(records).text == "<one>"
            conversation.send("twö")
            assert next(records).text == "<twö>"
            conversation.end_input()
            assert list(records) == []

    def test_silence_times_out_and_may_be_waited_on_again(
        self, host: Host, program: MakeProgram
    ) -> None:
        with host.open(program("read -r _; put late 1")) as conversation:
            with pytest.raises(TimeoutError):
                next(conversation.records(0.2))
            conversation.send("go")
            assert next(conversation.records(5)).name == "late"

    def test_output_of_a_command_comes_live_and_its_status_after(
        self, host: Host, program: MakeProgram
    ) -> None:
        text = "with_client sh -c 'echo one; sleep 0.6; echo two >&2; exit 3'\nput status $?"
        with host.open(program(text)) as conversation:
            records = conversation.records(5)
            started = time.monotonic()
            assert next(records).text == "one"
            assert time.monotonic() - started < 0.5
            assert [(r.name, r.text) for r in records] == [("line", "two"), ("status", "3")]

    def test_a_command_with_its_children_ends_when_the_client_goes(
        self, host: Host, program: MakeProgram, tmp_path: Path
    ) -> None:
        pids = tmp_path / "pids"
        command = """echo $$ >"$0"; sleep 60 & echo $! >>"$0"; echo up; wait"""
        text = f"""with_client sh -c '{command}' "$PIDS" """
        with host.open(program(text), {"PIDS": str(pids)}) as conversation:
            assert next(conversation.records(5)).text == "up"
            running = [int(pid) for pid in pids.read_text().split()]
            assert all(_runs(pid) for pid in running)
        until = time.monotonic() + 5
        while any(_runs(pid) for pid in running) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(_runs(pid) for pid in running)

    def test_heartbeats_do_not_end_the_command(self, host: Host, program: MakeProgram) -> None:
        with host.open(program("with_client sleep 0.4\nput status $?")) as conversation:
            for _ in range(3):
                conversation.send("beat")
            assert next(conversation.records(5)).text == "0"


class TestLosingTheLink:
    def test_a_link_that_is_cut_is_lost_not_ended(
        self, start_sshd: StartSshd, program: MakeProgram
    ) -> None:
        sshd = start_sshd()
        with Host.connect(sshd.address) as host:
            with host.open(program("put up 1; sleep 30")) as conversation:
                records = conversation.records(10)
                assert next(records).name == "up"
                sshd.kill_sessions()
                with pytest.raises(LinkLostError):
                    next(records)
                with pytest.raises(LinkLostError):
                    conversation.send("anybody?")
            assert not host.alive(1)
            with pytest.raises(LinkLostError) as caught:
                host.run(program("put a 1"), timeout=5)
            assert "not touched" not in caught.value.production
            with host.reconnect() as again:
                assert again.run(program("put a 1"), timeout=5).text("a") == "1"
            assert again.label == host.label

    def test_a_key_that_has_gone_meanwhile_is_a_host_out_of_reach(
        self, start_sshd: StartSshd, program: MakeProgram, tmp_path: Path
    ) -> None:
        """No fault of the settings, which would end a run as if nothing had been touched."""
        sshd = start_sshd("MaxSessions 1")
        key = Path(shutil.copy(sshd.user_key, tmp_path / "key"))
        with Host.connect(replace(sshd.address, key_file=key)) as host:
            key.unlink()
            with pytest.raises(UnreachableError, match="can't be read") as caught:
                host.reconnect()
            assert "not touched" not in caught.value.production
            waiting = program("put up 1; read -r _")
            with (
                host.open(waiting),
                pytest.raises(UnreachableError, match="can't be read"),
            ):
                host.open(waiting)

    def test_a_link_that_is_silent_is_given_up(
        self, start_sshd: StartSshd, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "KEEPALIVE_SECONDS", 0.2)
        monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.8)
        monkeypatch.setattr(transport, "TICK_SECONDS", 0.1)
        sshd = start_sshd()
        with Host.connect(sshd.address) as host:
            with host.open(program("put up 1; read -r _; put more 1")) as conversation:
                records = conversation.records(30)
                next(records)
                time.sleep(1.2)  # idle, but alive: it is asked, and answers
                assert host.alive(1)
                conversation.send("go")
                assert next(records).name == "more"
            with host.open(program("put up 1; sleep 30")) as conversation:
                records = conversation.records(30)
                next(records)
                stopped = _stop_everything_under(sshd.process.pid)
                started = time.monotonic()
                try:
                    assert not host.alive(0.2)
                    with pytest.raises(LinkLostError, match="no sign of life"):
                        next(records)
                    assert time.monotonic() - started < 3
                finally:
                    for pid in stopped:
                        os.kill(pid, signal.SIGCONT)

    def test_a_link_on_which_only_we_speak_is_not_silent(
        self, sshd: Sshd, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Heartbeats go out, and nothing need ever come back: what we send is no sign of life."""
        monkeypatch.setattr(transport, "KEEPALIVE_SECONDS", 0.2)
        monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.8)
        monkeypatch.setattr(transport, "TICK_SECONDS", 0.1)
        text = "while read -r line; do :; done; put over 1"
        with Host.connect(sshd.address) as host, host.open(program(text)) as conversation:
            for _ in range(30):
                conversation.send("beat")
                time.sleep(0.05)
            conversation.end_input()
            assert next(conversation.records(5)).name == "over"

    def test_what_a_link_that_was_given_up_still_held_never_arrives(
        self, start_sshd: StartSshd
    ) -> None:
        sshd = start_sshd("LogLevel VERBOSE")
        host = Host.connect(sshd.address)
        host.give_up("it is to be replaced")
        log = sshd.directory / "log"
        until = time.monotonic() + 5
        while "reset by peer" not in log.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        assert "reset by peer" in log.read_text()

    def test_the_real_limit_is_within_fifteen_seconds(self) -> None:
        assert transport.KEEPALIVE_SECONDS == 5
        assert transport.SILENCE_SECONDS + 2 * transport.TICK_SECONDS <= 15

    def test_closing_is_not_losing_and_may_be_repeated(self, sshd: Sshd) -> None:
        host = Host.connect(sshd.address)
        host.close()
        host.close()
        assert not host.alive(0.2)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _stop_everything_under(pid: int) -> list[int]:
    stopped = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGSTOP)
        stopped += [int(child), *_stop_everything_under(int(child))]
    return stopped


def test_address_is_plain_data() -> None:
    assert HostAddress("vps") == HostAddress("vps", connect_timeout=10.0)


class TestFewSessions:
    @pytest.mark.parametrize("most", [1, 2, 3])
    def test_a_server_that_allows_few_sessions_gets_further_connections(
        self, start_sshd: StartSshd, program: MakeProgram, most: int
    ) -> None:
        sshd = start_sshd(f"MaxSessions {most}")
        echo = program('while IFS= read -r line; do put echo "<$line>"; done')
        with Host.connect(sshd.address) as host:
            talks = [host.open(echo) for _ in range(5)]
            for number, talk in enumerate(talks):
                talk.send(str(number))
            said = [next(talk.records(10)).text for talk in talks]
            assert said == [f"<{number}>" for number in range(5)]
            assert host.crowded
            for talk in talks:
                talk.close()
            assert host.run(program("put a 1"), timeout=10).text("a") == "1"

    def test_room_that_others_left_is_used_again(
        self, start_sshd: StartSshd, program: MakeProgram, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Opened] = []

        def open_and_count(*words: Any) -> Opened:
            made.append(open_route(*words))
            return made[-1]

        monkeypatch.setattr(connection, "open_route", open_and_count)
        sshd = start_sshd("MaxSessions 1")
        with Host.connect(sshd.address) as host:
            for number in range(9):
                answer = host.run(program('put n "$N"'), {"N": str(number)}, timeout=10)
                assert answer.text("n") == str(number)
            # The server may hear of one's end only after the next has begun.
            assert len(made) <= 5

    def test_a_server_that_allows_none_is_named(
        self, start_sshd: StartSshd, program: MakeProgram
    ) -> None:
        sshd = start_sshd("MaxSessions 0")
        with (
            Host.connect(sshd.address) as host,
            pytest.raises(ProgramFailed, match="MaxSessions") as caught,
        ):
            host.run(program("put a 1"), timeout=5)
        assert caught.value.kind == "no-session"
