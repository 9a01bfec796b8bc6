"""Dropped packets are neither refused nor delivered, and nobody outside the namespace notices."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.faults.network import ALONE, why_not
from tests.journeys.running import ROOT

SCRIPT = """
import socket
from tests.faults.network import dropped

with socket.create_server(("127.0.0.1", 0)) as server:
    address = server.getsockname()
    with socket.create_connection(address, timeout=5):
        with dropped(address[1]) as happens:
            assert happens
            try:
                socket.create_connection(address, timeout=0.5)
            except TimeoutError:
                print("nobody answered")
    with socket.create_connection(address, timeout=5):
        print("somebody answered")
"""


@pytest.mark.slow
def test_packets_vanish_while_they_are_dropped_and_come_through_afterwards() -> None:
    if reason := why_not():
        pytest.skip(f"nftables: {reason}")
    alone = 'ip link set lo up && nft add table inet baton && exec "$0" -c "$1"'
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", alone, sys.executable, SCRIPT],
        cwd=ROOT, env={**os.environ, ALONE: "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "nobody answered\nsomebody answered\n", done.stderr
