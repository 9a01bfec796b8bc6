"""What in somebody's calendar is an absence, and what an import of it changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from baton.contracts import TimeOff

ABSENCE_WORDS = (
    "out of office,ooo,pto,vacation,holiday,time off,day off,days off,annual leave,sick leave,parental leave,on leave,"
    "urlaub,abwesen,elternzeit,krankmeldung,krankgeschrieben,congé,vacances,absent,absence,vacaciones,ausente,ferie,assente,vakantie,afwezig"
)


@dataclass(frozen=True)
class AbsenceWords:
    """Words that say that somebody is away; of four letters and more also within a longer one (Jahresurlaub)."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> AbsenceWords:
        """Of words separated by commas. Raises ValueError if there are none."""
        words = [word for one in text.split(",") if (word := " ".join(one.casefold().split()))]
        if not words:
            raise ValueError("name at least one word")
        found = (re.escape(word) if len(word) > 3 else rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
        return cls(re.compile("|".join(found)))

    def named_in(self, text: str) -> bool:
        """True if one of the words is in the text, however it is written."""
        return self.pattern.search(" ".join(text.casefold().split())) is not None


@dataclass(frozen=True)
class Shown:
    """How a calendar shows an event. Status, `transp` and `busy` (Outlook's) in capitals, empty where not said."""

    status: str
    transp: str
    busy: str
    is_whole_day: bool
    text: str


def no_absence(event: Shown, words: AbsenceWords) -> str | None:
    """Return why the event is no absence; None if it is one.

    It is one if Outlook says out of office, if its title or category says so, or if it takes whole days and is not
    shown as free. What is cancelled is none.
    """
    if event.status == "CANCELLED":
        return "it is cancelled"
    if event.busy == "OOF" or words.named_in(event.text):
        return None
    if not event.is_whole_day:
        return "it is an appointment, and nothing says that it is an absence"
    if event.transp == "TRANSPARENT" or event.busy in {"FREE", "TENTATIVE", "WORKINGELSEWHERE"}:
        return "it takes whole days, and does not show them as busy"
    return None


@dataclass(frozen=True)
class Imported:
    """What an import changed, by `calendar_key`; `time_off` are all absences there are then."""

    time_off: Sequence[TimeOff]
    added: Sequence[TimeOff] = field(default_factory=tuple)
    changed: Sequence[TimeOff] = field(default_factory=tuple)
    removed: Sequence[TimeOff] = field(default_factory=tuple)
    kept: Sequence[TimeOff] = field(default_factory=tuple)

    def shown(self) -> Mapping[str, list[dict[str, object]]]:
        """As people are told."""
        told = {"added": self.added, "changed": self.changed, "removed": self.removed, "kept": self.kept}
        return {name: [off.model_dump(mode="json") for off in some] for name, some in told.items()}


def imported(known: Sequence[TimeOff], calendar: Sequence[TimeOff]) -> Imported:
    """What follows from a calendar for the absences known so far: those entered by hand stay."""
    before: dict[str | None, TimeOff] = {off.calendar_key: off for off in known if off.calendar_key is not None}
    now = {off.calendar_key for off in calendar}
    return Imported(
        time_off=[*(off for off in known if off.calendar_key is None), *calendar],
        added=[off for off in calendar if off.calendar_key not in before],
        changed=[off for off in calendar if before.get(off.calendar_key, off) != off],
        removed=[off for key, off in before.items() if key not in now],
        kept=[off for off in calendar if before.get(off.calendar_key) == off],
    )
