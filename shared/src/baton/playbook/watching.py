"""A playbook that follows its directory."""

from __future__ import annotations

import hashlib
from pathlib import Path

from baton.playbook.loading import FILES, LEARNED, load
from baton.playbook.playbook import Playbook
from baton.playbook.problems import PlaybookErrors

_WATCHED = (*(f"{name}.yaml" for name in (*FILES, "signatures")), LEARNED)


class Draft:
    """A directory with a draft that is followed like the playbook in force. One that is not valid is not used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.playbook: Playbook | None = None
        self.refused: str | None = None
        """Why there is no draft, or none but an older one."""
        self._watch: Watch | None = None
        self.begin()
        self.poll()

    def begin(self) -> None:
        """Another draft is in use from now on; for those who remember something about it."""

    def poll(self) -> None:
        """Look whether there is another draft. Blocks on small files."""
        before = self.playbook
        try:
            if self._watch is None:
                self._watch = Watch(self.path)
            else:
                self._watch.poll()
        except PlaybookErrors as faults:
            self.refused = str(faults)
            return
        self.playbook, self.refused = self._watch.current, self._watch.refused
        if self.playbook is not before:
            self.begin()


class Watch:
    """Holds the newest valid playbook.

    `signatures` are those of its directory, also of other versions. `refused` says why a newer state of the directory
    is not in use, for `readyz`.
    """

    def __init__(self, path: Path | str, current: Playbook | None = None) -> None:
        """Loads at once unless `current` is given.

        Raises PlaybookErrors: a service does not start on a bad playbook.
        """
        self.path = Path(path)
        self.current = load(self.path) if current is None else current
        self.signatures = self.current.signatures
        self.refused: str | None = None
        self._stamp = self._look()
        self._content = self._digest()

    def poll(self) -> Playbook | None:
        """The new playbook when another valid version has appeared since the last call, else None.

        Blocks on small files.
        """
        stamp = self._look()
        if stamp == self._stamp:
            return None
        content = self._digest()
        # Written meanwhile: look again at the next poll instead of taking half an edit for an answer.
        settled = self._look() == stamp
        self._stamp = stamp if settled else ()
        if not settled or content == self._content:
            return None
        self._content = content
        return self._take()

    def _take(self) -> Playbook | None:
        try:
            candidate = load(self.path)
        except PlaybookErrors as errors:
            self.refused = str(errors)
            return None
        self.refused = None
        self.signatures = candidate.signatures
        if candidate.hash == self.current.hash:
            return None
        self.current = candidate
        return candidate

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for name in _WATCHED:
            try:
                status = (self.path / name).stat()
            except OSError:
                continue
            found.append((name, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for name in _WATCHED:
            try:
                digest.update(name.encode() + b"\0" + (self.path / name).read_bytes())
            except OSError:
                continue
        return digest.hexdigest()
