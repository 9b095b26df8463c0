"""Who withdraws after the study is over: left out of every export, or deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.disk import files
from tests.web.studies import Person, Study, study
from zsc import UserError
from zsc.cli import main
from zsc.files import read_rows
from zsc.web.study.export import export
from zsc.web.study.withdrawal import withdraw


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, list[Person]]:
    """A study of two people: one has finished, one went away after the first game."""
    with study(tmp_path_factory.mktemp("over")) as running:
        one, two = running.person(), running.person()
        one.walk()
        two.walk(lambda page: page["kind"] == "items")
    return running, [one, two]


@pytest.fixture
def data(over: tuple[Study, list[Person]], tmp_path: Path) -> Path:
    """Its folder, to be changed."""
    shutil.copytree(over[0].folder, tmp_path / "data")
    return tmp_path / "data"


def first(over: tuple[Study, list[Person]]) -> tuple[str, str]:
    """Id and completion code of the person who finished."""
    session = next(iter(over[0].server.sessions.values()))
    return session.who, session.code


def test_the_last_page_has_the_code_to_write_with(over: tuple[Study, list[Person]]) -> None:
    _, (one, _) = over
    (last,) = (json.loads(text) for text in one.told if json.loads(text).get("kind") == "end")
    assert last["later"] == last["code"] == first(over)[1]


@pytest.mark.parametrize("by", ["code", "code in small letters", "id"])
def test_who_withdraws_by_code_is_in_no_export_but_as_one_who_did(
    over: tuple[Study, list[Person]], data: Path, tmp_path: Path, by: str
) -> None:
    who, code = first(over)
    given = {"code": code, "code in small letters": f" {code.lower()} ", "id": who}[by]
    assert withdraw(data, given).games == 5
    before = files(data)
    assert withdraw(data, given).who == who  # again changes nothing
    assert files(data) == before
    done = export(data, tmp_path / "out")
    assert (done.people, done.games, done.left_out) == (2, 2, 1)
    people = pd.read_csv(tmp_path / "out" / "participants.csv").set_index("participant")
    assert people.loc[who, "left_out"]
    assert people.loc[who, "end"] == "withdrawn"
    assert not people.loc[who, "publish"]
    assert people["left_out"].sum() == 1
    others = [p for p in (tmp_path / "out").rglob("*.*") if p.name != "participants.csv"]
    assert len(others) > 5
    for path in others:
        assert who.encode() not in path.read_bytes()
    assert export(data, tmp_path / "public", publishable=True).people == 1


def test_what_is_erased_is_gone_from_the_disk(
    over: tuple[Study, list[Person]], data: Path, tmp_path: Path
) -> None:
    who, code = first(over)
    there = files(data)
    withdraw(data, code, erase=True)
    assert sum(who.encode() in data for data in there.values()) > 5
    after = files(data)
    assert [Path(path).stem for path, data in after.items() if who.encode() in data] == [who]
    assert not any(code.encode() in data for data in after.values())
    rows = read_rows(data / "participants" / f"{who}.jsonl")
    assert [row["kind"] for row in rows] == ["participant", "end"]
    for name in ("tokens", "platform"):
        assert len(read_rows(data / "private" / f"{name}.jsonl")) == 1
    assert export(data, tmp_path / "out").left_out == 1
    untouched = [path for path in after if after[path] == there.get(path)]
    assert len(untouched) == len(after) - 3
    with pytest.raises(UserError, match=r"nobody in .* has the code"):
        withdraw(data, code)


def test_a_game_with_somebody_else_is_left_out_too_and_told(
    over: tuple[Study, list[Person]],
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    who, code = first(over)
    other = list(over[0].server.sessions)[1]
    path = next(p for p in (data / "games").glob("*") if who in p.read_text())
    header, *rest = path.read_text().splitlines()
    people = {"0": who, "1": other}
    told = json.dumps(json.loads(header) | {"people": people, "agents": []})
    path.write_text("\n".join([told, *rest]) + "\n")
    assert main(["study", "withdraw", str(data), code]) == 0
    assert "5 games" in capsys.readouterr().out
    assert export(data, tmp_path / "out").games == 2
    assert path.stem not in (tmp_path / "out" / "rounds.csv").read_text()


@pytest.mark.parametrize("code", ["", "  ", "nobody", "'\n'"])
def test_a_code_of_nobody_is_told_in_one_line(data: Path, code: str) -> None:
    before = files(data)
    with pytest.raises(UserError, match=r"nobody in .* has the code") as error:
        withdraw(data, code, erase=True)
    assert "\n" not in str(error.value)
    assert files(data) == before


def test_an_id_of_the_platform_names_one_person_or_says_how_many(
    over: tuple[Study, list[Person]], data: Path
) -> None:
    with pytest.raises(UserError, match="took part 2 times"):  # both came with the same id
        withdraw(data, "abc")
    path = data / "private" / "platform.jsonl"
    lines = path.read_text().splitlines()
    path.write_text(lines[0] + "\n" + lines[1].replace("abc", "other") + "\n")
    assert withdraw(data, "abc").who == first(over)[0]


def test_not_while_a_server_is_at_work(tmp_path: Path) -> None:
    with study(tmp_path) as running:
        running.person().agree()
        (session,) = running.server.sessions.values()
        with pytest.raises(UserError, match="a server is at work"):
            withdraw(running.folder, session.code)
    withdraw(running.folder, session.code)
    with study(tmp_path) as running:  # the place is free again
        assert [one.counts for one in running.server.sessions.values()] == [False]
