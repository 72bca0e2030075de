"""What the edge's HAProxy is told: its configuration, made from a template."""

from collections.abc import Sequence
from typing import Final

from deployctl.composefile.edge import COLOURS, EdgeSpec
from deployctl.config.edge import EdgeSettings
from deployctl.config.gates import HealthGateSettings
from deployctl.config.settings import Settings
from deployctl.data import data_path
from deployctl.errors import UsageError

OURS: Final = "edge/haproxy.cfg.j2"


def configuration(
    settings: Settings, service: str, spec: EdgeSpec, ports: Sequence[int], live: str
) -> str:
    """The text of `haproxy.cfg` for the container's ports, with that colour as the live one.

    Raises UsageError where the template can't be read or rendered. It is rendered in Jinja2's
    sandbox: one from elsewhere runs no code here.
    """
    import jinja2  # noqa: PLC0415 - most commands render none
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    edge = settings.edge
    path = edge.template or data_path("compose-templates", OURS)
    values = {
        "service": service,
        "drain": int(edge.drain),
        "health": _health_path(settings, service),
        "ports": [{"number": port, "mode": _mode(edge, port)} for port in ports],
        "colours": [
            {"name": colour, "address": spec.address(colour), "live": colour == live}
            for colour in COLOURS
        ],
    }
    environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        return environment.from_string(path.read_text(encoding="utf-8")).render(values)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The edge's template {path} can't be read: {error}.", next_step="Check edge.template."
        ) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, jinja2.TemplateError) as error:
        line = getattr(error, "lineno", None)
        raise UsageError(
            f"The edge's template {path}{f', line {line}' if line else ''} can't be rendered: "
            f"{error}.",
            next_step=f"Correct it; values that it has: {', '.join(sorted(values))}.",
        ) from error


def _mode(edge: EdgeSettings, port: int) -> str:
    return edge.modes.get(str(port), "http")


def _health_path(settings: Settings, service: str) -> str | None:
    """Where the edge itself asks whether a colour answers; None: only whether it takes
    connections."""
    return next(
        (
            gate.path
            for gate in settings.gates.values()
            if isinstance(gate, HealthGateSettings)
            and gate.service in {None, service}
            and gate.status == 200
            and not gate.url
        ),
        None,
    )
