"""What intake takes from the playbook, always of the newest valid version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from baton.intake.domain.elements import Rules
from baton.intake.domain.mail import FreeMailDomains
from baton.intake.domain.reps import Reps
from baton.playbook import Playbook, Secret, SecretMissing, Watch, resolve
from baton.playbook.fetching import Fetch, Thing
from baton.playbook.mapping import Mapper
from baton.playbook.sources import Source


class Book:
    """Sources with their compiled mappings and their secrets, status words, free-mail domains."""

    def __init__(self, watch: Watch, environ: Mapping[str, str]) -> None:
        self._watch = watch
        self._environ = environ
        self._take(watch.current)

    def _take(self, playbook: Playbook) -> None:
        self.rules = rules_of(playbook)
        self.version = playbook.version
        self._mappers = {
            source.id: Mapper(source) for source in playbook.sources.sources if source.signature is not None
        }
        self._readers = {
            (source.id, thing.id): Mapper(source, thing.id)
            for source in playbook.sources.sources
            if source.fetch is not None
            for thing in source.fetch.things
        }

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of all sources."""
        return tuple(source.id for source in self.rules.sources.sources)

    @property
    def refused(self) -> str | None:
        """Why a newer state of the playbook's directory is not in use."""
        return self._watch.refused

    def mapper(self, source_id: str) -> Mapper | None:
        """The mapping of a webhook source; None if there is no such source."""
        return self._mappers.get(source_id)

    def source(self, source_id: str) -> Source | None:
        """The source; None if there is no such source."""
        return self.rules.sources.find(source_id)

    def reader(self, source_id: str, thing: str) -> tuple[Thing, Mapper] | None:
        """What is fetched of a source, and the mapping that reads it; None if there is no such thing."""
        source, mapper = self.source(source_id), self._readers.get((source_id, thing))
        found = source.fetch.thing(thing) if source and source.fetch else None
        return None if mapper is None or found is None else (found, mapper)

    def poll(self) -> bool:
        """Whether another valid version has come into use since the last call. Blocks on small files."""
        playbook = self._watch.poll()
        if playbook is None:
            return False
        self._take(playbook)
        return True

    def secrets(self, source: Source) -> Sequence[bytes]:
        """The source's secrets that can be found, read now; none is a fault of ours and not of the sender."""
        return self.found(_secrets(source))

    def found(self, secrets: Iterable[Secret]) -> list[bytes]:
        """Those of the secrets that are set, read now."""
        return [found for secret in secrets if (found := self._find(secret)) is not None]

    def token(self, fetch: Fetch) -> str | None:
        """What fetches of a source show, read now; None if it is not set."""
        found = (token for secret in fetch.auth.secrets if (token := self._find(secret)) is not None)
        return next((token.decode("utf-8", "replace").strip() for token in found), None)

    def without_secrets(self) -> list[str]:
        """Ids of the sources that nobody can post to, because none of their secrets is set."""
        return [id_ for id_, mapper in self._mappers.items() if not self.secrets(mapper.source)]

    def _find(self, secret: Secret) -> bytes | None:
        try:
            return resolve(secret, self._environ)
        except SecretMissing:
            return None


def rules_of(playbook: Playbook) -> Rules:
    """What the playbook says about taking in."""
    free = playbook.definition.free_mail
    return Rules(playbook.sources, FreeMailDomains(frozenset(free.add), frozenset(free.remove)), _reps(playbook))


def _reps(playbook: Playbook) -> Reps:
    """Whom the CRMs' ids mean, by the playbook's roster."""
    reps = playbook.roster.reps if playbook.roster else ()
    return {(system, external): rep.id for rep in reps for system, external in rep.external_ids.items()}


def _secrets(source: Source) -> Sequence[Secret]:
    return source.signature.secrets if source.signature else ()
