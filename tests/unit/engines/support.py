"""A host's survey, made up: the report's project, with whatever a test changes."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from deployctl.engines.compose.survey import ComposeSource, Space, Survey
from deployctl.engines.releases import ReleaseRecord, ServiceImage
from deployctl.host.facts import ContainerState

OLD = "sha256:" + "a" * 64
NEW = "sha256:" + "b" * 64
WHEN = datetime(2026, 1, 3, 7, 32, tzinfo=UTC)
FILE = "/opt/techno-os/docker-compose.prod.yml"
COMPOSE = b"services:\n  api:\n    image: techno-os-api:v1\n  postgres:\n    image: postgres:15\n"

API = ContainerState(
    id="c1", name="techno-os-api", service="api", image_id=OLD, image_ref="techno-os-api:v1",
    status="running", started_at=WHEN, exit_code=0, restart_count=0, oom_killed=False,
    health="healthy", config_hash="h1", restart_policy="unless-stopped",
)  # fmt: skip
POSTGRES = replace(
    API, id="c2", name="techno-os-db", service="postgres", image_id="sha256:db",
    image_ref="postgres:15",
)  # fmt: skip

LEFT_ALONE = (
    " DRY-RUN MODE -  Container techno-os-db  Running\n"
    " DRY-RUN MODE -  Container techno-os-api  Running\n"
    " DRY-RUN MODE -  Container techno-os-db  Waiting\n"
    " DRY-RUN MODE -  Container techno-os-db  Healthy\n"
)

SURVEY = Survey(
    services=("api",), user="deploy",
    docker=("docker",), engine_version="26.1.5", compose_version="2.26.1", buildx=True,
    docker_root="/var/lib/docker", project="techno-os",
    project_dir="/opt/techno-os", compose_words=("-p", "techno-os", "-f", FILE),
    files=(
        ComposeSource(
            path=FILE, real_path=FILE, sha256="f1", mode="664", owner="deploy", group="techno",
            writable="yes", data=COMPOSE,
        ),
    ),
    containers=(API, POSTGRES), config_error="", rendered_images=("techno-os-api:v1",),
    dry_run=LEFT_ALONE, dry_run_alone="", state_dir="/var/lib/deployctl/techno-os",
    live="", live_since=None,
    releases=(), unfinished=(), lock_holder=None, built={},
    docker_space=Space(10**10, 10**6), state_space=Space(10**10, 10**6), guard="cron",
)  # fmt: skip


def survey(**changes: Any) -> Survey:
    return replace(SURVEY, **changes)


def source(data: bytes, path: str = FILE) -> ComposeSource:
    return replace(SURVEY.files[0], path=path, real_path=path, data=data)


def record(number: str, **changes: Any) -> ReleaseRecord:
    values: dict[str, Any] = {
        "number": number,
        "services": {"api": ServiceImage(image=f"techno-os-api:{number}", image_id=OLD)},
        "run_id": "run",
        "by": "ann",
        "at": WHEN,
    }
    return ReleaseRecord(**{**values, **changes})
