"""Whether all that runs of a project is what its files say, for every service of them."""

from typing import Any

from deployctl.engines.compose import whole
from deployctl.engines.compose.survey import NO_REASON
from deployctl.engines.compose.whole import Whole
from deployctl.host.wire import Answer, Record

from .support import LEFT_ALONE, survey

API_ONLY = " Container techno-os-api  Running\n"
DB_MOVED = f"{API_ONLY} Container techno-os-db  Recreate\n Container techno-os-db  Recreated\n"


class Teller:
    """A host that answers every program in the same way; `asked` keeps what it was asked."""

    def __init__(self, **records: str) -> None:
        texts = {"accepted": "yes", "refused": "", "dry-run": LEFT_ALONE, "dry-run-alone": "",
                 "images": "", "absent": ""} | {
            key.replace("_", "-"): text for key, text in records.items()
        }  # fmt: skip
        self.answer = Answer([Record(name, text.encode()) for name, text in texts.items()])
        self.asked: list[tuple[str, dict[str, str]]] = []

    def run(self, program: str, params: dict[str, str], **_: object) -> Answer:
        self.asked.append((program, params))
        return self.answer


def take(host: Any, **changes: Any) -> Whole:
    return whole.take(host, survey(**changes), ())


def test_every_service_that_has_a_container_is_asked_for_and_no_file_is_replaced() -> None:
    host = Teller()
    assert take(host) == Whole()
    [(program, params)] = host.asked
    assert (program, params["SERVICES"], params["NAMED"]) == ("weigh", "api\npostgres", "")
    assert params["SCALES"] == "--scale=api=1\n--scale=postgres=1"


def test_a_service_that_is_not_rolled_out_is_compared_as_well() -> None:
    host = Teller(dry_run=DB_MOVED, dry_run_alone=DB_MOVED)
    assert survey(services=("api",), dry_run=DB_MOVED, dry_run_alone=DB_MOVED).drift == ()
    assert take(host).moved == ("techno-os-db: Recreate",)
    assert host.asked[1][0] == "fields"
    assert host.asked[1][1]["SERVICES"] == "postgres"


def test_one_that_the_dry_run_passes_over_is_no_proof() -> None:
    assert take(Teller(dry_run=API_ONLY)).moved == ("techno-os-db: not spoken of",)


def test_a_container_of_no_file_is_told() -> None:
    found = take(Teller(absent="postgres\n", dry_run=API_ONLY))
    assert found.moved == ()
    assert "postgres, which is in none of the files" in found.untold


def test_a_dry_run_that_fails_proves_nothing() -> None:
    assert "no such image" in take(Teller(accepted="no", refused="no such image")).untold
    assert NO_REASON in take(Teller(accepted="no")).untold


def test_of_a_file_that_compose_refuses_nothing_is_asked() -> None:
    host = Teller()
    assert take(host, config_error="yaml: line 1") == Whole()
    assert host.asked == []
