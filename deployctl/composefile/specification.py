"""What may stand where in a compose file, as data.

From the Compose Specification, and put to Compose 2.26. Where versions of Compose differ, what one
of them takes may stand here; below what few files have (`develop`, `gpus`, hooks) anything may.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Shape:
    """What a place may hold. `kinds` are words of `text` (a scalar that must be one), `scalar` (any
    scalar), `list`, `map` and `null`.
    """

    kinds: str
    keys: Mapping[str, "Shape"] | None = None
    """the keys that a mapping may have, besides `x-…`; None: any"""
    values: "Shape | None" = None
    """what stands below each key, where any may be there; None: anything"""
    items: "Shape | None" = None
    """what each entry of a list is; None: anything"""
    needs: tuple[str, ...] = ()
    """the keys that a mapping must have"""
    unique: bool = False
    """whether no text may stand in the list a second time"""


def _each(names: str, shape: Shape) -> dict[str, Shape]:
    return dict.fromkeys(names.split(), shape)


TEXT = Shape("text")
SCALAR = Shape("scalar")
PAIR = Shape("scalar null")
LIST = Shape("list")
MAP = Shape("map")
TEXTS = Shape("list", items=TEXT)
SCALARS = Shape("list", items=SCALAR)
TEXT_OR_TEXTS = Shape("text list", items=TEXT)
COMMAND = Shape("text list null", items=TEXT)
PAIRS = Shape("list map", items=TEXT, values=PAIR)
OPTIONS = Shape("map", values=SCALAR)
EXTERNAL = Shape("scalar map")
HOSTS = Shape("list map", items=TEXT, values=TEXT_OR_TEXTS)
ULIMIT = Shape("scalar map", keys=_each("soft hard", SCALAR), needs=("soft", "hard"))
ULIMITS = Shape("map", values=ULIMIT)
GRANT = Shape("text map", keys=_each("source target uid gid", TEXT) | {"mode": SCALAR})
GRANTS = Shape("list", items=GRANT)

BUILD = Shape(
    "text map",
    keys={
        **_each("context dockerfile dockerfile_inline network target isolation", TEXT),
        **_each("no_cache pull shm_size privileged provenance sbom", SCALAR),
        **_each("entitlements cache_from cache_to tags platforms", TEXTS),
        **_each("args labels ssh additional_contexts", PAIRS),
        "extra_hosts": HOSTS,
        "secrets": GRANTS,
        "ulimits": ULIMITS,
    },
)
HEALTHCHECK = Shape(
    "map",
    keys={
        **_each("disable interval retries timeout start_period start_interval", SCALAR),
        "test": TEXT_OR_TEXTS,
    },
)
AMOUNTS = _each("cpus pids", SCALAR) | {"memory": TEXT}
RESOURCES = Shape(
    "map",
    keys={
        "limits": Shape("map", keys=AMOUNTS),
        "reservations": Shape("map", keys=AMOUNTS | _each("generic_resources devices", LIST)),
    },
)
DEPLOY = Shape(
    "map null",
    keys={
        **_each("mode endpoint_mode", TEXT),
        **_each("rollback_config update_config restart_policy placement", MAP),
        "replicas": SCALAR,
        "labels": PAIRS,
        "resources": RESOURCES,
    },
)
CONDITION = Shape("map", keys=_each("restart required condition", SCALAR), needs=("condition",))
ENV_FILE = Shape("text map", keys=_each("path format", TEXT) | {"required": SCALAR})
PORT = Shape(
    "scalar map",
    keys={
        **_each("name mode host_ip protocol app_protocol", TEXT),
        **_each("target published", SCALAR),
    },
    needs=("target",),
)
MOUNT = Shape(
    "text map",
    keys={
        **_each("type source target consistency", TEXT),
        **_each("bind volume tmpfs image", MAP),
        "read_only": SCALAR,
    },
    needs=("type", "target"),
)
ATTACHMENT = Shape(
    "map null",
    keys={
        **_each("ipv4_address ipv6_address mac_address interface_name", TEXT),
        **_each("priority gw_priority", SCALAR),
        **_each("aliases link_local_ips", TEXTS),
        "driver_opts": OPTIONS,
    },
)
SERVICE = Shape(
    "map",
    keys={
        **_each("cgroup cgroup_parent container_name cpuset domainname hostname image ipc", TEXT),
        **_each("isolation mac_address network_mode platform pull_policy restart runtime", TEXT),
        **_each("pull_refresh_after stop_signal user userns_mode uts working_dir", TEXT),
        **_each("attach cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period", SCALAR),
        **_each("cpu_rt_runtime cpu_shares cpus init mem_limit mem_reservation", SCALAR),
        **_each("mem_swappiness memswap_limit oom_kill_disable oom_score_adj pids_limit", SCALAR),
        **_each("privileged read_only scale shm_size stdin_open stop_grace_period tty", SCALAR),
        **_each("use_api_socket", SCALAR),
        **_each("cap_add cap_drop device_cgroup_rules dns_opt external_links links", TEXTS),
        **_each("profiles security_opt volumes_from", TEXTS),
        **_each("expose group_add", SCALARS),
        **_each("dns dns_search label_file tmpfs", TEXT_OR_TEXTS),
        **_each("command entrypoint", COMMAND),
        **_each("annotations environment labels sysctls", PAIRS),
        **_each("configs secrets", GRANTS),
        **_each("blkio_config credential_spec provider", MAP),
        **_each("post_start pre_stop", LIST),
        "build": BUILD,
        "depends_on": Shape("list map", items=TEXT, values=CONDITION, unique=True),
        "deploy": DEPLOY,
        "develop": Shape("map null"),
        "devices": Shape("list", items=Shape("text map")),
        "env_file": Shape("text list", items=ENV_FILE),
        "extends": Shape("text map", needs=("service",)),
        "extra_hosts": HOSTS,
        "gpus": Shape("text list"),
        "healthcheck": HEALTHCHECK,
        "logging": Shape("map", keys={"driver": TEXT, "options": Shape("map", values=PAIR)}),
        "models": Shape("list map"),
        "networks": Shape("list map", items=TEXT, values=ATTACHMENT, unique=True),
        "pid": Shape("text null"),
        "ports": Shape("list", items=PORT),
        "storage_opt": Shape("map", values=PAIR),
        "ulimits": ULIMITS,
        "volumes": Shape("list", items=MOUNT),
    },
)
SUBNET = Shape("map", keys=_each("subnet ip_range gateway", TEXT) | {"aux_addresses": Shape("map")})
IPAM = Shape(
    "map",
    keys={"driver": TEXT, "config": Shape("list", items=SUBNET), "options": OPTIONS},
)
NETWORK = Shape(
    "map null",
    keys={
        **_each("name driver", TEXT),
        **_each("internal enable_ipv4 enable_ipv6 attachable", SCALAR),
        "driver_opts": OPTIONS,
        "ipam": IPAM,
        "external": EXTERNAL,
        "labels": PAIRS,
    },
)
VOLUME = Shape(
    "map null",
    keys=_each("name driver", TEXT)
    | {"driver_opts": OPTIONS, "external": EXTERNAL, "labels": PAIRS},
)
SECRET = Shape(
    "map",
    keys=_each("name environment file driver template_driver", TEXT)
    | {"driver_opts": OPTIONS, "external": EXTERNAL, "labels": PAIRS},
)
CONFIG = Shape(
    "map",
    keys=_each("name content environment file template_driver", TEXT)
    | {"external": EXTERNAL, "labels": PAIRS},
)
FILE = Shape(
    "map",
    keys={
        **_each("version name", TEXT),
        "services": Shape("map null"),
        "networks": Shape("map", values=NETWORK),
        "volumes": Shape("map", values=VOLUME),
        "configs": Shape("map", values=CONFIG),
        "secrets": Shape("map", values=SECRET),
        "include": Shape("list null"),
        "models": Shape("map"),
    },
)
"""Its services are looked at one by one: see SERVICE."""
