"""The receiver on docs/webhooks.md runs as it stands there."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import orjson

from baton.routing.domain.signing import signature_header, symmetric_key
from tests.layout.tree import ROOT

[RECEIVER] = re.findall(r"```python\n(# receiver\.py.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)
EXAMPLE = ROOT / "shared" / "src" / "baton" / "contracts" / "examples" / "lead.routed.json"


def post(url: str, key: str, body: bytes, at: int, identity: str = "one") -> int:
    headers = {"webhook-id": identity, "webhook-timestamp": str(at)}
    headers["webhook-signature"] = "v1a,AAAA " + signature_header([key], identity, at, body)
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return int(refused.code)


def test_the_receiver_on_the_page_takes_what_is_ours_once_and_nothing_else(tmp_path: Path) -> None:
    key = symmetric_key(os.urandom(32))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "receiver.py").write_text(RECEIVER)
    env = {**os.environ, "WEBHOOK_SECRET": key}
    command = [sys.executable, str(tmp_path / "receiver.py"), str(port)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            url, now = f"http://127.0.0.1:{port}/", int(time.time())
            body = orjson.dumps({"type": "lead.routed", "data": {"lead_id": "l", **orjson.loads(EXAMPLE.read_bytes())}})
            for _ in range(100):
                with socket.socket() as door:
                    if door.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            assert [post(url, key, body, now), post(url, key, body, now)] == [204, 204]
            assert post(url, symmetric_key(os.urandom(32)), body, now, "two") == 401
            assert post(url, key, body, now - 400, "three") == 401
        finally:
            server.terminate()
        assert server.stdout is not None
        assert server.stdout.read().splitlines() == ["lead.routed l Maja Lindqvist"]


def test_the_receiver_is_short() -> None:
    assert len([line for line in RECEIVER.splitlines() if line.strip()]) <= 25
