"""A platform that keeps what its notices name: a real HTTP server on loopback, answering as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson


@dataclass
class Said:
    """One answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass
class Asked:
    """One request, as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class Platform:
    """Answers a path with the next of what it was told to say there, the last one for ever; else with 404."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, list[Said]] = {}
        self.url = ""
        self.stopping = threading.Event()

    def says(self, path: str, *answers: Said | Any) -> None:
        """What to answer at `path`; anything but a Said is the body of a 200."""
        self.answers[path] = [one if isinstance(one, Said) else Said(body=one) for one in answers]

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        told = self.answers.get(asked.path, [Said(404, {"error": "unknown"})])
        return told.pop(0) if len(told) > 1 else told[0]


@contextmanager
def platform() -> Iterator[Platform]:
    """A platform at an address of its own."""
    kept = Platform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            said = kept.answer(Asked(parts.path, query, {name.lower(): value for name, value in self.headers.items()}))
            if said.hangs:
                kept.stopping.wait(10)
                self.close_connection = True
                return
            body = said.body if isinstance(said.body, bytes) else orjson.dumps(said.body)
            self.send_response(said.status)
            for name, value in {"Content-Length": str(len(body)), **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        kept.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
