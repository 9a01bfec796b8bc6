"""A frozen value is changed as `dataclasses.replace` would change it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from baton.values import changed


@dataclass(frozen=True)
class Card:
    """A value with a default of each kind."""

    name: str
    number: int = 0
    marks: dict[str, int] = field(default_factory=dict)


def test_a_changed_value_is_the_one_replace_gives_and_the_other_stays_as_it_was() -> None:
    card = Card("bo", 1, {"a": 1})
    assert changed(card, number=2) == replace(card, number=2) == Card("bo", 2, {"a": 1})
    assert card == Card("bo", 1, {"a": 1})


def test_a_value_that_was_made_by_a_change_can_be_compared_and_changed_like_any_other() -> None:
    twice = changed(changed(Card("bo"), number=2), name="ida")
    assert twice == Card("ida", 2)
    assert type(twice) is Card
