"""The history of the sample application, as data: each commit is a few edits on another one."""

from dataclasses import dataclass

FIRST_RELEASE = "v1.0.0"
MAIN = "main"
HOTFIX = "stage/f9.8-observability"
NEXT = "next"
BROKEN = "broken/"

HOTFIX_NONCE = "0223969518"
"""Makes the hotfix's commit hash begin with `d73cfb1`; found by `script/mine-hotfix`."""


@dataclass(frozen=True)
class Edit:
    """Replace the one place where `old` stands in the file by `new`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True)
class Change:
    """One commit: the branch it becomes the head of, its parent branch, and what it edits."""

    branch: str
    parent: str
    message: str
    edits: tuple[Edit, ...]


def _main(old: str, new: str) -> Edit:
    return Edit("app/main.py", old, new)


def _broken(slug: str, message: str, *edits: Edit) -> Change:
    return Change(BROKEN + slug, HOTFIX, message, edits)


_HEALTH = 'async def health():\n    """Liveness, for the health check and for whoever deploys."""\n'
_HEALTHY = _HEALTH + '    return {"status": "ok"}\n'
_STARTS = "    orders.create_schema()\n"
_METRICS = "    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)\n"
_OS = "import os\nimport time\n"


def _health(body: str, signature: str = "") -> Edit:
    return _main(_HEALTHY, _HEALTH.replace("health()", f"health({signature})") + body)


def _metrics(body: str) -> Edit:
    return _main(_METRICS, body)


CHANGES = (
    Change(
        HOTFIX,
        MAIN,
        "Expose /metrics, so that Prometheus can scrape the backend\n\n"
        "The target has been down since the first release: it answers 404.\n\n"
        f"Nonce: {HOTFIX_NONCE}\n",
        (
            _main("from fastapi import FastAPI\n", "from fastapi import FastAPI, Response\n"),
            _main(
                "import Counter, Info\n",
                "import CONTENT_TYPE_LATEST, Counter, Info, generate_latest\n",
            ),
            _main('VERSION = "1.0.0"', 'VERSION = "1.0.1"'),
            _main(
                '@app.post("/orders"',
                '@app.get("/metrics")\ndef metrics():\n    """Prometheus metrics endpoint."""\n'
                + _METRICS
                + '\n\n@app.post("/orders"',
            ),
        ),
    ),
    Change(
        NEXT,
        HOTFIX,
        "Show the number of orders at /stats\n",
        (
            _main('VERSION = "1.0.1"', 'VERSION = "1.0.2"'),
            _main(
                '@app.get("/slow")',
                '@app.get("/stats")\ndef stats():\n    """Numbers for the dashboard."""\n'
                '    return {"orders": orders.count(), "version": VERSION}\n\n\n@app.get("/slow")',
            ),
        ),
    ),
    _broken(
        "build-fails",
        "Build the search index into the image\n",
        Edit(
            "Dockerfile",
            "COPY app app\n",
            "COPY app app\nRUN echo 'search index: app/search.idx is missing' >&2; exit 7\n",
        ),
    ),
    _broken(
        "crash-at-start",
        "Read the settings of the search\n",
        _main(
            "BUILD = Info(",
            'raise RuntimeError("SEARCH_URL is not set")\nBUILD = Info(',
        ),
    ),
    _broken(
        "dies-after-5s",
        "Warm up the cache in the background\n",
        _main(_OS, "import os\nimport threading\nimport time\n"),
        _main(_STARTS, _STARTS + "    threading.Timer(5, os._exit, [3]).start()\n"),
    ),
    _broken(
        "never-listens",
        "Wait for the cache before serving\n",
        _main(_OS, "import asyncio\nimport os\nimport time\n"),
        _main(_STARTS, _STARTS + "    await asyncio.Event().wait()\n"),
    ),
    _broken(
        "health-500",
        "Check the cache in /health\n",
        _health('    return Response("cache: connection refused", status_code=500)\n'),
    ),
    _broken(
        "health-500-after-3s",
        "Check the age of the cache in /health\n",
        _main("REVISION =", "STARTED = time.monotonic()\nREVISION ="),
        _health(
            "    if time.monotonic() - STARTED > 3:\n"
            '        return Response("cache: expired", status_code=500)\n'
            '    return {"status": "ok"}\n'
        ),
    ),
    _broken(
        "health-wrong-body",
        "Say in /health when the cache is cold\n",
        _health('    return {"status": "degraded"}\n'),
    ),
    _broken(
        "metrics-404",
        "Move the metrics\n",
        _main('@app.get("/metrics")', '@app.get("/internal/metrics")'),
    ),
    _broken(
        "metrics-html",
        "Render the metrics for people\n",
        _metrics('    return Response("<html><h1>Metrics</h1></html>", media_type="text/html")\n'),
    ),
    _broken(
        "metrics-empty",
        "Leave out metrics that nobody asked for\n",
        _metrics('    return Response("", media_type=CONTENT_TYPE_LATEST)\n'),
    ),
    _broken(
        "metrics-wrong-type",
        "Serve the metrics as JSON\n",
        _metrics('    return Response(generate_latest(), media_type="application/json")\n'),
    ),
    _broken(
        "unhealthy-healthcheck",
        "Answer only browsers\n",
        _main(
            "from fastapi import FastAPI, Response\n",
            "from fastapi import FastAPI, Request, Response\n",
        ),
        _health(
            '    if request.headers.get("user-agent", "").startswith("curl"):\n'
            '        return Response("browsers only", status_code=500)\n'
            '    return {"status": "ok"}\n',
            signature="request: Request",
        ),
    ),
    _broken(
        "out-of-memory",
        "Keep all orders in memory\n",
        _main(_OS, "import os\nimport threading\nimport time\n"),
        _main(
            "@asynccontextmanager\n",
            "def preload() -> None:\n"
            '    """Keep everything at hand."""\n'
            "    time.sleep(2)\n"
            "    cache = []\n"
            "    while True:\n"
            "        cache.append(bytearray(os.urandom(1024)) * 16384)\n"
            "        time.sleep(0.02)\n\n\n"
            "@asynccontextmanager\n",
        ),
        _main(_STARTS, _STARTS + "    threading.Thread(target=preload, daemon=True).start()\n"),
    ),
    _broken(
        "wrong-port",
        "Listen where the new proxy expects it\n",
        _main(_OS, "import os\nimport sys\nimport time\n"),
        _main(
            "VERSION =",
            'if "9000" not in sys.argv:\n'
            '    os.execvp("uvicorn", [*sys.argv[:-1], "9000"])\n\n'
            "VERSION =",
        ),
    ),
)

SLUGS = tuple(c.branch.removeprefix(BROKEN) for c in CHANGES if c.branch.startswith(BROKEN))
"""The ways in which a release can be broken."""
