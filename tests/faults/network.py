"""Packets that vanish without a word: nftables, in a network namespace that only this run is in."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence

ALONE = "BATON_FAULTS_ALONE"
"""Set for whoever runs in a namespace of his own: rules there harm nobody else."""


def why_not() -> str:
    """What keeps this process from dropping packets; empty if nothing does."""
    missing = [name for name in ("unshare", "ip", "nft") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if os.environ.get(ALONE):
        return ""
    tried = subprocess.run(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && nft add table inet baton"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if tried.returncode == 0 else f"not permitted: {tried.stderr.strip()}"


def move_into_a_namespace(arguments: Sequence[str]) -> None:
    """Begin this program anew in a network namespace of its own, where that is possible; else say why not."""
    if os.environ.get(ALONE):
        return
    if reason := why_not():
        print(f"left out: packets dropped by nftables ({reason})", flush=True)
        return
    script = 'ip link set lo up && nft add table inet baton && exec "$0" "$@"'
    command = ["unshare", "--net", "sh", "-c", script, sys.executable, *arguments]
    os.execvpe(command[0], command, os.environ | {ALONE: "1"})


@contextlib.contextmanager
def dropped(port: int) -> Iterator[bool]:
    """While this is open, packets from and to the port vanish: no reset, no end. False where that cannot be done."""
    if not os.environ.get(ALONE):
        yield False
        return
    chain = f"way_{port}"
    _nft(f"add chain inet baton {chain} {{ type filter hook output priority 0; }}")
    try:
        for side in ("sport", "dport"):
            _nft(f"add rule inet baton {chain} tcp {side} {port} drop")
        yield True
    finally:
        _nft(f"flush chain inet baton {chain}; delete chain inet baton {chain}")


def _nft(what: str) -> None:
    subprocess.run(["nft", what], check=True, capture_output=True)
