"""The tcp and command gates."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from deployctl.config.gates import CommandGateSettings, TcpGateSettings
from deployctl.gates.base import CommandOutcome, Judgement
from deployctl.gates.command import CommandGate
from deployctl.gates.tcp import TcpGate
from deployctl.host.failures import AnswerTimeoutError
from tests.unit.gates.support import closed_port, container, context, published


def knocked(behaviour: Callable[[socket.socket], None]) -> Judgement:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            connection, _ = listener.accept()
            behaviour(connection)

        threading.Thread(target=accept, daemon=True).start()
        gate = TcpGate("tcp", TcpGateSettings(), "db")
        port = listener.getsockname()[1]
        return gate.judge(gate.observe(context(container(ports=(published(port),)))))


class TestTcp:
    def test_a_silent_connection_that_stays_is_a_pass(self) -> None:
        kept: list[socket.socket] = []
        assert knocked(kept.append).state == "pass"

    def test_a_greeting_is_a_pass(self) -> None:
        kept: list[socket.socket] = []

        def greet(connection: socket.socket) -> None:
            kept.append(connection)
            connection.sendall(b"+OK ready\r\n")

        assert knocked(greet).state == "pass"

    def test_accepted_and_closed_is_a_proxy_without_a_service(self) -> None:
        verdict = knocked(lambda connection: connection.close())
        assert verdict.state == "fail"
        assert "nothing listens behind it" in verdict.reason

    def test_refused(self) -> None:
        gate = TcpGate("tcp", TcpGateSettings(endpoint=f"127.0.0.1:{closed_port()}"), "db")
        assert gate.judge(gate.observe(context())).reason == "the connection was refused"

    def test_no_answer_in_time(self) -> None:
        def dial(*_: Any) -> socket.socket:
            raise TimeoutError

        gate = TcpGate("tcp", TcpGateSettings(endpoint="10.0.0.1:1", timeout=0.5), "db")
        verdict = gate.judge(gate.observe(context(dial=dial)))
        assert verdict.reason == "no connection within 0.5 s"

    def test_what_says_nothing_of_the_service_is_no_verdict(self) -> None:
        def dial(*_: Any) -> socket.socket:
            raise AnswerTimeoutError("the relay did not begin")

        gate = TcpGate("tcp", TcpGateSettings(endpoint="10.0.0.1:1"), "db")
        with pytest.raises(AnswerTimeoutError):
            gate.observe(context(dial=dial))


def ran(outcome: CommandOutcome | None, **settings: Any) -> Judgement:
    def run(text: str, seconds: float) -> CommandOutcome:
        assert text == "check"
        if outcome is None:
            raise TimeoutError
        return outcome

    raw = {"run": "check", **settings}
    gate = CommandGate("mine", CommandGateSettings.model_validate(raw), "api")
    return gate.judge(gate.observe(context(run=run)))


class TestCommand:
    def test_by_exit_code(self) -> None:
        assert ran(CommandOutcome(0, b"", b"")).state == "pass"
        verdict = ran(CommandOutcome(2, b"", b"no such table"))
        assert verdict.observed == "exit code 2, no such table"
        assert verdict.reason == "exit code 2, expected 0"

    def test_by_another_exit_code(self) -> None:
        assert ran(CommandOutcome(3, b"", b""), exit_code=3).state == "pass"

    def test_by_what_it_prints(self) -> None:
        assert ran(CommandOutcome(0, b"migrated: 12\n", b""), matches=r"^migrated").state == "pass"
        assert ran(CommandOutcome(0, b"pending\n", b""), matches=r"^migrated").state == "fail"

    @pytest.mark.parametrize(
        ("printed", "state"), [(b" 3\n", "pass"), (b"9", "fail"), (b"x", "fail"), (b"nan", "fail")]
    )
    def test_by_a_number(self, printed: bytes, state: str) -> None:
        assert ran(CommandOutcome(0, printed, b""), number={"max": 5}).state == state

    def test_that_could_not_begin_is_no_verdict(self) -> None:
        def run(*_: Any) -> CommandOutcome:
            raise AnswerTimeoutError("no session")

        gate = CommandGate("mine", CommandGateSettings(run="check"), "api")
        with pytest.raises(AnswerTimeoutError):
            gate.observe(context(run=run))

    def test_that_does_not_end_is_a_failure(self) -> None:
        assert ran(None, timeout=2).reason == "it did not end within 2 s"
