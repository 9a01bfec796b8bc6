"""A disk of a few megabytes that can be filled and freed: a tmpfs of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = 65_536


class NoDisk(Exception):
    """This machine does not let us mount anything; the text says why."""


@dataclass(frozen=True)
class Disk:
    """A file system mounted at `path`."""

    path: Path

    @property
    def ballast(self) -> Path:
        return self.path / "ballast"

    def free(self) -> int:
        """Bytes that are left."""
        room = os.statvfs(self.path)
        return room.f_bavail * room.f_frsize

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (BLOCK, 1024):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self.ballast.unlink()


@contextlib.contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Disk]:
    """Mount a small disk at a folder; it is gone afterwards. Raises NoDisk."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise NoDisk("only root may mount a small disk, on Linux")
    at.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(at)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"a tmpfs cannot be mounted: {done.stderr.strip()}")
    try:
        yield Disk(at)
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)
