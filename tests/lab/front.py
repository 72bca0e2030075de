"""A reverse proxy, good and bad by path and port; runs on a lab host. Needs SETTINGS above it."""

# mypy: ignore-errors
# ruff: noqa: F821, S310 - runs by itself, with SETTINGS from tests/lab/monitors.py

import json
import ssl
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

APP = "http://127.0.0.1:8000"
PROMETHEUS = "http://127.0.0.1:9090"
LOGIN_PAGE = b"<!doctype html><title>Sign in</title><form action=/sign-in>"
STALE = b"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1767423600\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default = ""

    def do_GET(self):
        first, _, rest = self.path[1:].partition("/")
        answer = getattr(self, "on_" + first.partition("?")[0].replace("-", "_"), None)
        if self.default == "app":
            self.proxy(APP + self.path)
        elif self.default == "token":
            self.with_token()
        elif answer:
            self.rest = "/" + rest
            answer()
        else:
            self.say(404, b"not found")

    def on_techno(self):
        """The app behind a path prefix and a virtual host."""
        if self.headers["Host"] == SETTINGS["name"]:
            self.proxy(APP + self.rest)
        else:
            self.say(421, b"no such site")

    def with_token(self):
        given = self.headers["Authorization"] or ""
        if given == "Bearer " + SETTINGS["token"]:
            self.proxy(APP + self.path)
        else:
            self.say(401, ("not a token of ours: " + given).encode())

    def on_metrics(self):
        self.say(200, STALE, "text/plain; version=0.0.4")

    def on_slow(self):
        time.sleep(1)
        self.on_metrics()

    def on_bad_gateway(self):
        self.say(502, b"<html><h1>502 Bad Gateway</h1>", "text/html")

    def on_login_page(self):
        self.say(200, LOGIN_PAGE, "text/html")

    def on_login_redirect(self):
        self.say(302, b"", Location="https://login.example.org/sign-in?next=" + self.rest)

    def on_no_query(self):
        if self.rest.startswith("/api/v1/targets"):
            self.proxy(PROMETHEUS + self.rest)
        else:
            self.say(404, b"404 page not found")

    def on_no_targets(self):
        if self.rest.startswith("/api/v1/query"):
            self.proxy(PROMETHEUS + self.rest)
        else:
            self.say(404, b"404 page not found")

    def on_skewed(self):
        """The same Prometheus with a clock that is off."""
        self.proxy(PROMETHEUS + self.rest, later)

    def proxy(self, url, change=lambda body: body):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                kind = answer.headers["Content-Type"]
                self.say(answer.status, change(answer.read()), kind)
        except urllib.error.HTTPError as error:
            self.say(error.code, error.read(), error.headers["Content-Type"])
        except OSError as error:
            self.say(502, str(error).encode())

    def say(self, status, body, kind="text/plain", **headers):
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def later(body):
    """Everything that Prometheus stamps; not what applications told it."""
    document = json.loads(body)
    data = document.get("data", {})
    for target in data.get("activeTargets", []):
        if target["lastScrape"].startswith("0001"):
            continue
        at = datetime.fromisoformat(target["lastScrape"][:26].rstrip("Z").ljust(26, "0"))
        moved = at + timedelta(seconds=SETTINGS["skew"])
        target["lastScrape"] = moved.isoformat() + target["lastScrape"][26:29].rstrip("Z") + "Z"
    if data.get("resultType") == "scalar":
        data["result"] = [each + SETTINGS["skew"] for each in map(float, data["result"])]
        data["result"][1] = str(data["result"][1])
    for series in data.get("result", []) if data.get("resultType") == "matrix" else []:
        series["values"] = [[at + SETTINGS["skew"], value] for at, value in series["values"]]
    return json.dumps(document).encode()


def tls(*certificates):
    """Chooses by the name that the client asks for; the last certificate is for all others."""
    contexts = {}
    for text in certificates:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(text)
            file.flush()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file.name)
        contexts[len(contexts)] = context

    def choose(connection, asked, _):
        connection.context = contexts[0 if asked == SETTINGS["name"] else len(contexts) - 1]

    contexts[0].sni_callback = choose
    return contexts[0]


def serve(port, default="", context=None):
    kind = type("Own", (Handler,), {"default": default})
    server = ThreadingHTTPServer(("0.0.0.0", port), kind)
    server.daemon_threads = True
    if context:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    threading.Thread(target=server.serve_forever).start()


serve(8001, "app")
serve(8081)
serve(8443, "token", tls(*SETTINGS["certificates"]))
serve(8444, "token", tls(SETTINGS["expired"]))
