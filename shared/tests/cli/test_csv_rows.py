"""Reading a CSV from any record on, in constant memory, with bad records marked and not fatal."""

from __future__ import annotations

from pathlib import Path

import pytest

from baton.cli.csv_rows import CsvFile, Row
from baton.cli.faults import Fault


def written(folder: Path, content: bytes) -> Path:
    path = folder / "leads.csv"
    path.write_bytes(content)
    return path


def test_reading_on_from_any_row_gives_the_rest_with_the_same_lines(tmp_path: Path) -> None:
    text = 'id,note\r\n1,"two\nlines"\r\n\r\n2,"say ""hi"""\r\n3,ümlaut\r\n'
    csv = CsvFile.open(written(tmp_path, text.encode()))
    rows = list(csv.rows())
    assert [row.values["note"] for row in rows] == ["two\nlines", 'say "hi"', "ümlaut"]
    assert [row.line for row in rows] == [2, 5, 6]
    for index, row in enumerate(rows):
        assert list(csv.rows(row.end, row.next_line)) == rows[index + 1 :]
    assert rows[-1].end == csv.path.stat().st_size


@pytest.mark.parametrize(("mark", "text"), [(";", "a;b\n1;2\n"), ("\t", "a\tb\n1\t2\n"), (",", "\ufeffa,b\n1,2\n")])
def test_the_delimiter_is_found_and_a_byte_order_mark_is_no_part_of_a_name(
    tmp_path: Path, mark: str, text: str
) -> None:
    csv = CsvFile.open(written(tmp_path, text.encode()))
    assert (csv.delimiter, csv.columns) == (mark, ("a", "b"))
    assert [row.values for row in csv.rows()] == [{"a": "1", "b": "2"}]


def test_a_bad_record_is_marked_and_its_neighbours_are_read(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n3\n\xff\xfe,5\n6,7\n"
    rows = list(CsvFile.open(written(tmp_path, content)).rows())
    assert [row.fault for row in rows] == [None, "1 fields where the header has 2", "not UTF-8", None]
    assert rows[-1] == Row(5, len(content), 6, {"a": "6", "b": "7"})


def test_a_record_that_is_no_csv_is_marked_and_the_file_is_read_on(tmp_path: Path) -> None:
    rows = list(CsvFile.open(written(tmp_path, b'a,b\n1,"2"x\n3,4\n')).rows())
    assert [bool(row.fault) for row in rows] == [True, False]


@pytest.mark.parametrize("header", [b"", b"\n", b"a,a\n", b"a,,c\n", b"a,\xff\n"])
def test_a_header_that_names_no_columns_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(Fault):
        CsvFile.open(written(tmp_path, header))


def test_a_missing_file_is_a_clear_word(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"nowhere\.csv: No such file"):
        CsvFile.open(tmp_path / "nowhere.csv")
