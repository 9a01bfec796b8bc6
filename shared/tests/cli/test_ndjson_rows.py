"""Reading NDJSON from any line on, in constant memory, compressed or not, with bad lines marked and not fatal."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from baton.cli.csv_rows import CsvFile
from baton.cli.faults import Fault
from baton.cli.import_leads import FULL, as_written, batches
from baton.cli.import_rows import LONGEST_LINE, RowFile
from baton.cli.import_start import Order
from baton.cli.ndjson_rows import NdjsonFile

MEGABYTE = 1 << 20


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def peak_of(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_all(file: RowFile) -> int:
    return sum(batch.rows for batch in batches(file.rows(), as_written, 500))


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.ndjson", bytes),
        ("a.ndjson.gz", gzip.compress),
        ("a.ndjson.xz", lzma.compress),
        ("a.jsonl.bz2", bz2.compress),
    ],
)
def test_reading_on_from_any_line_gives_the_rest_whatever_the_file_is_packed_in(
    tmp_path: Path, name: str, packed: Callable[[bytes], bytes]
) -> None:
    content = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"b": "\xc3\xbc"}\n{"c": 3}'
    file = NdjsonFile.open(written(tmp_path / name, packed(content)))
    rows = list(file.rows())
    assert [(row.line, row.raw) for row in rows] == [(1, b'{"a": 1}'), (4, b'{"b": "\xc3\xbc"}'), (5, b'{"c": 3}')]
    for index, row in enumerate(rows):
        assert list(file.rows(row.end, row.next_line)) == rows[index + 1 :]
    assert rows[-1].end == len(content)
    assert Order(tmp_path / name).is_ndjson


def test_a_line_that_is_not_json_or_too_long_is_marked_and_its_neighbours_are_read(tmp_path: Path) -> None:
    fits = b'"' + b"x" * (LONGEST_LINE - 2) + b'"'
    content = b"\n".join([b'{"a": 1}', b"{a", b'{"b": "\xff"}', b"7" * (LONGEST_LINE + 1), fits, b'{"c": 3}', b""])
    rows = list(NdjsonFile.open(written(tmp_path / "a.ndjson", content)).rows())
    assert [row.line for row in rows if row.fault] == [2, 3, 4]
    assert [row.line for row in rows if row.raw] == [1, 5, 6]
    assert str(rows[1].fault).startswith("not JSON: ")
    assert rows[3].fault == "the line has 10,485,762 bytes, 10,485,760 are the most"
    assert rows[-1].end == len(content)


def test_a_line_of_a_csv_that_is_too_long_is_marked_and_its_neighbours_are_read(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n" + b'"' + b"x" * (LONGEST_LINE + 1) + b"\n3,4\n"
    rows = list(CsvFile.open(written(tmp_path / "a.csv", content)).rows())
    assert [row.line for row in rows] == [2, 3, 4]
    assert "the line has" in str(rows[1].fault)
    assert rows[2].values == {"a": "3", "b": "4"}


def test_memory_grows_neither_with_the_file_nor_with_a_line(tmp_path: Path) -> None:
    line = b'{"source": "crm", "external_id": "%07d", "properties": {"note": "' + b"x" * 2000 + b'"}}\n'
    short, long = (written(tmp_path / f"{n}.ndjson", b"".join(line % i for i in range(n))) for n in (1500, 12_000))
    peaks = [peak_of(lambda path=path: read_all(NdjsonFile.open(path))) for path in (short, long)]  # type: ignore[misc]
    assert peaks[1] < peaks[0] + MEGABYTE // 4
    assert peaks[1] < 4 * MEGABYTE < long.stat().st_size / 5
    with (endless := tmp_path / "endless.ndjson").open("wb") as file:
        file.truncate(100 * MEGABYTE)
    assert peak_of(lambda: read_all(NdjsonFile.open(endless))) < 3 * LONGEST_LINE


def test_the_first_batch_is_there_before_the_second_is_read(tmp_path: Path) -> None:
    torn = gzip.compress(b'{"a": 1}\n' * 10)[:-8] + b"\0" * 8  # the check sum at its end is wrong
    rows = NdjsonFile.open(written(tmp_path / "a.ndjson.gz", torn)).rows()
    first = next(batches(rows, as_written, 3))
    assert (first.rows, first.next_line) == (3, 4)
    with pytest.raises(Fault, match=r"a\.ndjson\.gz: "):
        list(rows)


def test_large_lines_make_small_batches(tmp_path: Path) -> None:
    line = b'"' + b"x" * MEGABYTE + b'"\n'
    file = NdjsonFile.open(written(tmp_path / "a.ndjson", line * 9))
    assert [batch.rows for batch in batches(file.rows(), as_written, 500)] == [4, 4, 1]
    assert FULL == 4 * MEGABYTE


def test_a_file_called_gz_that_is_none_is_a_clear_word(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"a\.ndjson\.gz: Not a gzipped file"):
        NdjsonFile.open(written(tmp_path / "a.ndjson.gz", b'{"a": 1}\n'))
