"""Mappings at work: bodies in JSON, forms and rows of a table become posts of the native API."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from baton.playbook.bodies import MAX_DEPTH, BodyFault, depth_exceeds, read_json, read_lines
from baton.playbook.forms import read_form
from baton.playbook.mapping import Mapper, Taken
from baton.playbook.sources import Source


def mapper(*mappings: dict[str, Any], **source: Any) -> Mapper:
    given = {"id": "s", "label": "S", "kind": "csv", "mapping": list(mappings), **source}
    return Mapper(TypeAdapter(Source).validate_json(orjson.dumps(given)))


def only(taken: list[Taken]) -> dict[str, Any]:
    (one,) = taken
    assert one.post is not None, one.fault
    return one.post


LEAD = {"id": "m", "contact": {"email": "mail"}}


def post_of(body: Any, **mapping: Any) -> dict[str, Any]:
    return only(mapper({**LEAD, **mapping}).take(body))


def test_a_row_of_a_table_becomes_a_lead() -> None:
    row = {"Lead Number": "660737", "Mail": "a@example.com", "How heard": "Select", "Visits": "5", "Last": "2026-01-02"}
    post = post_of(
        row,
        external_id="Lead Number",
        occurred_at={"path": "Last", "time": "iso"},
        contact={"email": "Mail"},
        properties={
            "heard": {"path": "How heard", "values": {"select": None}},
            "visits": "Visits",
            "gone": "Not there",
        },
        answers={"will_talk": {"const": True}},
        activity=[{"kind": {"const": "visit"}, "what": {"const": "site"}, "value": "Visits"}],
    )
    assert post == {
        "source": "s",
        "external_id": "660737",
        "occurred_at": "2026-01-02T00:00:00Z",
        "contact": {"email": "a@example.com"},
        "properties": {"visits": "5"},
        "answers": {"will_talk": True},
        "consent": {},
        "activity": [{"kind": "visit", "what": "site", "value": "5"}],
    }


@pytest.mark.parametrize(
    ("pick", "value"),
    [
        ("a", 1),
        ({"const": 0}, 0),
        ({"first_of": ["none", "blank", "b.c"]}, "x"),
        ({"path": "list[]", "many": True}, ["p", "q"]),
        ({"path": "list", "many": True}, ["p", "q"]),
        ({"path": "a", "many": True}, [1]),
        ({"path": "bar", "split": "|"}, ["php", "js"]),
        ({"path": "list[1]"}, "q"),
        ({"path": "word", "values": {"yes": True}}, True),
        ({"path": "word", "values": {"no": False}}, "YES"),
        ({"path": "word", "values": {"no": False}, "otherwise": "?"}, "?"),
        ({"path": "list[]", "many": True, "values": {"p": 1}}, [1, "q"]),
        ({"path": "ms", "time": "ms"}, "2026-09-21T14:12:20Z"),
        ({"path": "s", "time": "s"}, "2026-09-21T14:12:20Z"),
        ({"path": "iso", "time": "iso"}, "2026-09-21T12:00:00Z"),
        ({"path": "none", "default": "d"}, "d"),
        ({"cel": "element.b.c + '!' + body.word"}, "x!YES"),
        ({"cel": "element.nothing.there", "default": 7}, 7),
        ({"cel": "element.a / 0"}, None),
        ("none", None),
        ("blank", None),
    ],
)
def test_a_pick_finds_its_value(pick: Any, value: Any) -> None:
    body = {
        "mail": "a@example.com",
        "a": 1,
        "b": {"c": "x"},
        "blank": " ",
        "list": ["p", "q"],
        "bar": "php| js|",
        "word": "YES",
        "ms": 1789999940000,
        "s": "1789999940",
        "iso": "2026-09-21T14:00:00+02:00",
    }
    assert post_of(body, properties={"found": pick})["properties"].get("found") == value


def test_contacts_are_text_whatever_was_sent() -> None:
    body = {"mail": ["a@example.com", "b@example.com"], "zip": 10115, "name": True, "city": {"x": 1}}
    post = post_of(body, contact={"email": "mail", "postal_code": "zip", "first_name": "name", "city": "city"})
    assert post["contact"] == {"email": "a@example.com, b@example.com", "postal_code": "10115", "first_name": "true"}


def test_elements_are_taken_one_by_one_and_a_bad_one_sinks_no_other() -> None:
    taken = mapper({**LEAD, "each": "people[]", "occurred_at": "at"}).take(
        {"people": [{"mail": "a@x.example", "at": "2026-01-01"}, {"mail": "b@x.example", "at": "soon"}, 7, None]}
    )
    assert [one.post is not None for one in taken] == [True, False, True]
    assert taken[1].fault == "mapping m: a time (iso) is not one"
    assert taken[1].element == {"mail": "b@x.example", "at": "soon"}


def test_a_condition_that_cannot_be_computed_is_not_met() -> None:
    both = mapper({**LEAD, "each": "p[]", "when": "element.kind == 'x' && body.live"})
    assert [one.element["n"] for one in both.take({"live": True, "p": [{"kind": "x", "n": 1}, {"n": 2}]})] == [1]
    assert both.take({"p": [{"kind": "x", "n": 1}]}) == []


def test_the_mappings_own_key_is_made_of_its_parts() -> None:
    keyed = mapper({**LEAD, "dedupe": [{"const": "new"}, "id", "gone", "at"]})
    assert [one.key for one in keyed.take({"id": 5, "at": "t"})] == ["new:5::t"]
    assert [one.key for one in mapper({**LEAD, "dedupe": ["id"]}).take({})] == [None]


def test_what_is_said_of_a_lead_names_it_and_its_numbers_are_numbers() -> None:
    mapping = {
        "id": "m",
        "gives": "status",
        "lead": {"system": {"const": "crm"}, "id": "who"},
        "occurred_at": "at",
        "event_id": "event",
        "fields": {"status": "stage", "value": "amount", "details": "more"},
    }
    body = {"who": 7, "at": "2026-01-01T00:00:00Z", "event": 12, "stage": 3, "amount": "12.5", "more": {"a": [1]}}
    assert only(mapper(mapping).take(body)) == {
        "lead": {"system": "crm", "id": "7"},
        "event_id": "12",
        "occurred_at": "2026-01-01T00:00:00Z",
        "status": "3",
        "value": 12.5,
        "details": {"a": [1]},
    }
    assert mapper(mapping).take({**body, "amount": "much"})[0].fault == "mapping m: value is not a number"
    assert mapper(mapping).take({**body, "who": None})[0].fault == "mapping m: the lead it is about is not named"


# -- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b"[9007199254740993, 9223372036854775807]", [9007199254740993, 2**63 - 1]),
        (b"[9223372036854775808, -9223372036854775809]", ["9223372036854775808", "-9223372036854775809"]),
        (b'{"a\\u0000": "\\u0000b", "c": ["\\u0000"]}', {"a": "b", "c": [""]}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
    ],
)
def test_json_is_read_so_that_every_store_can_keep_it(raw: bytes, value: Any) -> None:
    found = read_json(raw)
    assert value is None or found == value


NOT_JSON = [b"", b"{", b"nul", b"[NaN]", b"[1e999]", b'"\\ud800"', b"\xff", b"[" * 100_000, b'{"a":' * 1000]
TOO_DEEP = b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)


@pytest.mark.parametrize("raw", [*NOT_JSON, TOO_DEEP])
def test_what_is_not_json_is_said_to_be_so_without_quoting_it(raw: bytes) -> None:
    with pytest.raises(BodyFault) as fault:
        read_json(raw)
    assert len(str(fault.value)) < 120


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        (b"a=1&b=two+words%21", {"a": "1", "b": "two words!"}),
        (b"a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        (b"a%5B%5D=1", {"a": ["1"]}),
        (b"c[id]=7&c[f][job]=Buyer", {"c": {"id": "7", "f": {"job": "Buyer"}}}),
        (b"a=1;b=2", {"a": "1;b=2"}),
        (b"a=&b=null&c=%20&d=x", {"d": "x"}),
        (b"a=1&a[b]=2", {"a": {"": "1", "b": "2"}}),
        (b"a[b]=2&a=1", {"a": {"b": "2", "": "1"}}),
        (b"a=%00%ff", {"a": "\ufffd"}),
        (b"a=\xc3\xa9", {"a": "é"}),
        (b"", {}),
    ],
)
def test_forms_nest_and_repeat(raw: bytes, form: dict[str, Any]) -> None:
    assert read_form(raw) == form


def test_a_form_that_is_none_is_refused() -> None:
    for raw in (b"&".join(b"k%d=1" % n for n in range(3000)), b'{"json": 1}'):
        with pytest.raises(BodyFault):
            read_form(raw)


def test_blank_lines_are_no_elements() -> None:
    assert list(read_lines(b"\xef\xbb\xbf1\r\n\n \n2\n")) == [b"1\r", b"2"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WANTED = mapper(
    {
        "id": "everything",
        "each": "*",
        "external_id": "*",
        "occurred_at": {"first_of": ["at", "[0]"]},
        "is_test": "*.x",
        "contact": {"email": {"cel": "element"}, "phone": "[]"},
        "properties": {"all": {"path": "*", "many": True, "split": ","}},
        "activity": [{"each": "[]", "kind": "*", "what": "a"}],
    }
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_any_body_gives_posts_or_faults_and_never_an_error(body: Any) -> None:
    for taken in WANTED.take({"body": body, "at": [body]}):
        assert (taken.post is None) == (taken.fault is not None)
        assert all(isinstance(value, str) for value in (taken.post or {}).get("contact", {}).values())
        orjson.dumps(taken.post)


@given(JSON)
def test_json_that_was_written_is_read_back(body: Any) -> None:
    raw = orjson.dumps(body)
    if depth_exceeds(body, MAX_DEPTH):
        return
    found = read_json(raw)
    assert orjson.dumps(found) == raw.replace(b"\\u0000", b"")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in (read_json, read_form):
        with suppress(BodyFault):
            orjson.dumps(read(raw))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("field_data[name=email].values[0]", "a@example.com"),
        ("field_data[name = no].values[0]", None),
        ("answers[question=2].text", "two"),
        ("text[name=email]", None),
    ],
)
def test_a_path_finds_the_element_of_a_list_that_has_a_name(path: str, found: str | None) -> None:
    body = {
        "field_data": [{"name": "full_name", "values": ["A"]}, {"name": "email", "values": ["a@example.com"]}, "email"],
        "answers": [{"question": 1, "text": "one"}, {"question": 2, "text": "two"}],
        "text": "email",
    }
    assert post_of(body, external_id={"const": "1"}, contact={"email": path})["contact"].get("email") == found


def test_of_a_text_what_stands_between_two_others_may_be_kept() -> None:
    body = {"form": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:3162,1)", "other": "urn:li:person:7"}
    form = {"after": "urn:li:leadGenForm:", "before": ","}
    assert post_of(body, external_id={"path": "form", **form})["external_id"] == "3162"
    assert "external_id" not in post_of({**body, "mail": "a@example.com"}, external_id={"path": "other", **form})
