"""Settings of who is told how a run ended: one frozen model a kind, told apart by `type`.

An address that lets anybody write (a webhook's) is a secret. It comes from the environment by name,
or stands here; then it is kept where no message, log or dump of the settings shows it.
"""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from deployctl.config.fields import EnvName, HostPath, LocalPath, Text
from deployctl.config.gates import BaseUrl, web_url
from deployctl.config.section import Section

End = Literal["success", "rollback", "failure", "refused", "interrupted"]
"""success: what was asked for is so. rollback: after the switch, put back and proven. refused:
nothing had begun. interrupted: by a person, before the switch. failure: any other, so before the
switch, or after it where a person is needed."""


def _secret_url(value: SecretStr) -> SecretStr:
    web_url(value.get_secret_value())
    return value


def _some(ends: tuple[str, ...]) -> tuple[str, ...]:
    if not ends or len(set(ends)) != len(ends):
        raise ValueError("expected at least one end of a run, each once")
    return ends


SecretUrl = Annotated[SecretStr, AfterValidator(_secret_url)]


class WebhookSettings(Section):
    """The result is sent to an address, by POST."""

    type: Literal["webhook"] = "webhook"
    url: SecretUrl | None = None
    """The address; it is never shown whole. Better: url_env."""
    url_env: EnvName | None = None
    """The environment variable that holds the address."""
    format: Literal["generic", "slack"] = "generic"
    """generic: the result's whole document. slack: a few lines of text, for Slack, Mattermost and
    others that take the same."""
    on: Annotated[tuple[End, ...], AfterValidator(_some)] = ("success", "rollback", "failure")
    """Which ends of a run are told."""
    secret_env: EnvName | None = None
    """The environment variable that holds a secret, by which the body is authenticated
    (HMAC-SHA256, in X-Deployctl-Signature-256)."""

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("expected exactly one of url and url_env")
        return self


class CDEventsSettings(Section):
    """What happened to each service, as CDEvents 0.5."""

    type: Literal["cdevents"] = "cdevents"
    url: SecretUrl | None = None
    """Where they are sent, as CloudEvents over HTTP; it is never shown whole."""
    url_env: EnvName | None = None
    """The environment variable that holds that address."""
    file: LocalPath | None = None
    """A file on this machine to which they are appended, a line each."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if sum(place is not None for place in (self.url, self.url_env, self.file)) != 1:
            raise ValueError("expected exactly one of url, url_env and file")
        return self


class GrafanaSettings(Section):
    """An annotation over the time from the switch to the end."""

    type: Literal["grafana"] = "grafana"
    url: BaseUrl
    """Where Grafana is; a path prefix is kept."""
    token_env: EnvName
    """The environment variable that holds a service account's token, with annotations:create."""
    tags: tuple[Text, ...] = ()
    """Besides deployctl, project, target and result."""


class TextfileSettings(Section):
    """Metrics of the last run, for node_exporter on the host."""

    type: Literal["textfile"] = "textfile"
    directory: HostPath
    """Its textfile directory on the host, in which the SSH user may write."""


AnyNoticeSettings = WebhookSettings | CDEventsSettings | GrafanaSettings | TextfileSettings
NoticeSettings = Annotated[AnyNoticeSettings, Field(discriminator="type")]


def place_of(url: str) -> str:
    """Scheme and host of an address, which may be shown: the rest of it may be a secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}"
