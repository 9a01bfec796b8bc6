"""nurture.yaml: where suspects wait, when they are looked at again, what lets them back in sooner (Q6, U2)."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from baton.playbook.terms import Cel, Id, Label, Strict


class Track(Strict):
    """A nurture track. The first whose horizon is the lead's answer, or whose condition is true, is taken."""

    id: Id
    label: Label
    horizon: tuple[str, ...] = Field(default=(), description="Answers to the horizon question that lead here.")
    when: Cel | None = None
    look_again_days: int = Field(ge=1, le=3650)


class ReEntry(Strict):
    """What counts before the look-again date. No signals listed: every signal whose meaning is `buying`."""

    signals: tuple[Id, ...] = ()
    answers: tuple[str, ...] = Field(default=(), description="Questions whose new answer counts as buying too.")


class Nurture(Strict):
    """`default_track` takes whoever no other track claims."""

    horizon_question: str = "horizon"
    tracks: tuple[Track, ...] = Field(min_length=1)
    default_track: Id
    re_entry: ReEntry = ReEntry()

    def track(self, track_id: str) -> Track:
        """The track with this id. Raises KeyError."""
        return {track.id: track for track in self.tracks}[track_id]

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default_track not in {track.id for track in self.tracks}:
            raise ValueError(f"default_track: there is no track {self.default_track!r}")
        return self
