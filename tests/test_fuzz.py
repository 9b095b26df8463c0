"""A few altered files of each kind; `python -m tests.fuzz` reads thousands."""

from pathlib import Path

from tests.fuzz.run import fuzz


def test_altered_files_are_read_or_refused_with_one_line(tmp_path: Path) -> None:
    told = fuzz(tmp_path, count=84, start=0)
    assert 84 <= told.files == sum(told.became.values())
    assert len(told.tried) >= 12
    refused = sum(count for (_, what), count in told.became.items() if what == "refused")
    assert told.files / 2 < refused < told.files
