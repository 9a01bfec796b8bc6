"""`baton sources try` and `verify`: what a source's mapping makes of a body, told and checked without sending it.

Both work on a playbook's directory, as `baton playbook check` does, before it goes live. The reading is intake's own:
found by its entry point, so that nothing here imports a service.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from baton.cli.expecting import contact_differences, differences
from baton.cli.faults import Exit, Fault
from baton.cli.playbook import playbook_path
from baton.cli.recorded import SUFFIX, Recorded, read_recorded, recorded_in
from baton.cli.screen import out
from baton.playbook import PlaybookErrors

SHOWN = 100
"""Characters of a value in one line."""


class Trial(Protocol):
    """What intake offers under the entry point."""

    sources: Sequence[str]

    def read(self, source_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """What would become of a request."""

    def fetched(self, source_id: str, thing_id: str, document: bytes, rows: Any, received_at: float) -> dict[str, Any]:
        """What would be made of what the platform gives for a notice."""

    def shake(self, source_id: str, url: str, secrets: Sequence[bytes], verify_tokens: Sequence[bytes]) -> Any:
        """What a challenge would be answered."""


def open_trial(playbook: Path | None) -> Trial:
    """A trial of the playbook. Raises Fault where intake is not installed here, or the playbook is not valid."""
    found = next(iter(entry_points(group="baton.trials", name="intake")), None)
    if found is None:
        raise Fault("intake is not installed here", "Install baton-intake beside the command.", Exit.USAGE)
    where = playbook_path(playbook)
    try:
        trial: Trial = found.load()(where)
    except PlaybookErrors as faults:
        hint = f"`baton playbook check {where}` lists all of it."
        raise Fault(f"{where} is not valid: {faults.problems[0]}", hint, Exit.USAGE) from faults
    return trial


def try_(source: str, file: Path, content_type: str | None, playbook: Path | None) -> None:
    """Print field by field what would be made of the file. Raises Fault (code 1) if anything would be quarantined."""
    trial = open_trial(playbook)
    if source not in trial.sources:
        listed = ", ".join(trial.sources)
        raise Fault(f"the playbook has no webhook source {source!r}", f"There is {listed}.", Exit.USAGE)
    made = trial.read(source, _request(file, content_type))
    for line in _story(made):
        out.print(line, markup=False)
    if made["fault"] or any(one["fault"] for one in made["elements"]):
        raise Fault("something would be quarantined", "Mend the mapping, and replay what is in quarantine already.")


def verify(folder: Path, playbook: Path | None) -> None:
    """Print for each recorded request whether its signature held and what differs. Raises Fault (code 1) if any did."""
    trial = open_trial(playbook)
    wrong = 0
    for recorded in recorded_in(folder):
        signature, faults = _judged(trial, recorded)
        wrong += bool(faults)
        out.print(f"{'ok    ' if not faults else 'WRONG '} {recorded.name}: {signature}", markup=False)
        for fault in faults:
            out.print(f"         {fault}", markup=False)
    if wrong:
        raise Fault(f"{wrong} recorded request{'s are' if wrong > 1 else ' is'} not what was expected")


def _judged(trial: Trial, recorded: Recorded) -> tuple[str, list[str]]:
    source = recorded.source(trial.sources)
    if source is None:
        return "of no source", [f"no source of the playbook is called as it is; there is {', '.join(trial.sources)}"]
    made = trial.read(source, recorded.request)
    said = {
        "held": "the signature held",
        "failed": "the signature did not hold",
        "unchecked": "no secret, so no signature checked",
    }[made["signature"]]
    faults = [said] if made["signature"] == "failed" else []
    faults += differences(recorded.expected, made)
    faults += _fetched(trial, source, recorded, made)
    faults += _challenged(trial, source, recorded)
    return said, faults


def _fetched(trial: Trial, source: str, recorded: Recorded, made: Mapping[str, Any]) -> Iterator[str]:
    """What differs once it was fetched, where the answer was recorded too."""
    for want, have in zip(recorded.expected.get("leads") or [], made["elements"], strict=False):
        if not want.get("after_fetch") or not have["errand"] or recorded.fetched is None:
            continue
        then = trial.fetched(
            source, have["errand"]["thing"], *recorded.documents, float(recorded.meta.get("received_at", 0))
        )
        contact = then["elements"][0]["contact"] if then["elements"] else {}
        yield from (f"after the fetch, {text}" for text in contact_differences(want["after_fetch"], contact))


def _challenged(trial: Trial, source: str, recorded: Recorded) -> Iterator[str]:
    handshake = recorded.meta.get("handshake")
    if not isinstance(handshake, dict):
        return
    url = str(handshake.get("request", "")).removeprefix("GET ").strip()
    tokens = [str(handshake["verify_token"]).encode()] if "verify_token" in handshake else []
    secrets = recorded.request["secrets"]
    answer = trial.shake(source, url, secrets, tokens) or {"status": 404, "text": None, "json": None}
    want = handshake.get("response") or {}
    body = answer["json"] if answer["text"] is None else answer["text"]
    if answer["status"] != want.get("status", 200) or body != want.get("body"):
        yield f"handshake: {want.get('status', 200)} {want.get('body')} expected, {answer['status']} {body} answered"
    refused = (handshake.get("wrong_token") or {}).get("status")
    if refused is not None:
        answer = trial.shake(source, url, secrets, [b"another token than this"])
        if answer is None or answer["status"] != refused:
            yield f"handshake with a wrong token: {refused} expected"


# -- telling ----------------------------------------------------------------------------------------------------------


def _request(file: Path, content_type: str | None) -> dict[str, Any]:
    """The file as a request; with a `.meta.json` of its own, as that says it came."""
    meta = file if file.name.endswith(SUFFIX) else file.with_name(file.stem + SUFFIX)
    if meta.exists() and content_type is None:
        return {**read_recorded(meta).request, "secrets": []}
    try:
        body = file.read_bytes()
    except OSError as fault:
        raise Fault(f"{file}: {fault.strerror}", code=Exit.USAGE) from fault
    headers = {"content-type": content_type or _looks(body)}
    request = {"method": "POST", "url": "", "headers": {key: value for key, value in headers.items() if value}}
    return {**request, "body": body, "received_at": time.time(), "secrets": []}


def _looks(body: bytes) -> str | None:
    start = body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
    if start in (b"{", b"["):
        return "application/json"
    line = body.split(b"\n", 1)[0].strip().decode("latin-1")
    return f'multipart/form-data; boundary="{line[2:]}"' if line.startswith("--") else None


def _story(made: Mapping[str, Any]) -> Iterator[str]:
    if made["fault"]:
        yield f"quarantined as a whole: {made['fault']}"
    if not made["elements"] and not made["fault"]:
        yield "nothing: the playbook says that what stands in it means nothing here"
    for number, one in enumerate(made["elements"], 1):
        yield (
            f"{number}. {one['gives']} by the mapping {one['mapping']}"
            if one["mapping"]
            else f"{number}. by no mapping"
        )
        yield from _element(one)


def _element(one: Mapping[str, Any]) -> Iterator[str]:
    width = max((len(field["name"]) for field in one["fields"]), default=0)
    for field in one["fields"]:
        value = f"! {field['fault']}" if field["fault"] else _short(field["value"])
        yield f"   {field['name']:<{width}}  {value}  ← {field['origin']}"
    derived = {name: value for name, value in one["contact"].items() if value is not None}
    if derived:
        yield "   the contact, cleaned: " + ", ".join(f"{name} {_short(value)}" for name, value in derived.items())
    if one["left"]:
        yield "   not used: " + ", ".join(f"{left['path']} = {_short(left['value'])}" for left in one["left"])
    fault = one["fault"]
    yield f"   → quarantined, {fault['cause']}: {fault['detail']}" if fault else "   → taken in"


def _short(value: Any) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
