"""A whole study without a browser: what people go through, what is kept, who comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from starlette.websockets import WebSocketDisconnect

import zsc
from tests.disk import files
from tests.web.studies import MONITOR, TINY, Person, Study, study
from zsc import UserError
from zsc.evaluation.made_up import made_up_export
from zsc.evaluation.people import read_export
from zsc.files import read_rows
from zsc.web.hub import REPLACED, RUBBISH
from zsc.web.log import read_game
from zsc.web.study.export import export


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Study, list[Person]]]:
    """Two people who went through everything."""
    with study(tmp_path_factory.mktemp("walked")) as running:
        people = [running.person(), running.person()]
        for person in people:
            last = person.walk()
            assert last["kind"] == "end"
            assert last["why"] == "finished"
            assert last["link"].endswith(last["code"])
        yield running, people


def test_people_go_through_everything_in_orders_of_their_own(
    walked: tuple[Study, list[Person]],
) -> None:
    running, people = walked
    for person in people:
        block = ["game", "items", "game", "items", "items"]
        assert person.kinds == ["text", "questions", "tutorial", *block, *block, "items"]
    one, two = (session.drawn for session in running.server.sessions.values())
    assert one.cell.partners != two.cell.partners
    assert one.cell.blocks != two.cell.blocks
    assert one.cell.seat != two.cell.seat
    codes = {session.code for session in running.server.sessions.values()}
    assert len(codes) == 2


def test_nothing_that_a_browser_gets_says_who_a_partner_is(
    walked: tuple[Study, list[Person]],
) -> None:
    running, people = walked
    agents = {choice.label for row in running.casting.agents for found in row for choice in found}
    secret = {"secret", "hog", "onion_carrier", "carrier", "scripted", "greedy", "sampled"}
    secret |= {label.id for label in agents}
    for person in people:
        sent = " ".join(person.told)
        assert len(sent) > 5_000
        for word in secret:
            assert word not in sent
    names = [session.drawn.names for session in running.server.sessions.values()]
    assert names[0] != names[1]


def test_every_game_of_an_export_replays_to_the_same_states_and_returns(
    walked: tuple[Study, list[Person]], tmp_path: Path
) -> None:
    running, _ = walked
    done = export(running.folder, tmp_path / "out")
    assert (done.people, done.games, done.differ) == (2, 10, ())
    rounds = pd.read_csv(tmp_path / "out" / "rounds.csv")
    played = rounds[~rounds["practice"]]
    assert len(played) == 8
    assert (played["steps"] == 12).all()
    assert (played["end"] == "finished").all()
    assert sorted(played["order"]) == [0, 0, 1, 1, 2, 2, 3, 3]
    for name in ("room", "ring"):
        here = played[played["block"] == name]
        file, _, _ = here["record"].iloc[0].partition(":")
        env, record, notes = zsc.load_record(tmp_path / "out" / "games" / f"{file}.safetensors")
        assert env.spec.horizon == 12
        assert record.action.shape == (4, 12, 2)
        by_game = dict(zip(here["game"], here["return"], strict=True))
        for place, about in enumerate(notes["games"]):
            assert record.reward[place, :, 0].sum() == by_game[about["game"]]
    answers = pd.read_csv(tmp_path / "out" / "answers.csv")
    assert len(answers) == 2 * (4 * 3 + 2 * 2 + 1)
    ranks = answers[answers["item"] == "rank"]
    assert set(ranks["condition"]) == {"secret hog", "secret carrier"}
    assert sorted(ranks["answer"].astype(int)) == [1] * 4 + [2] * 4
    people = read_export(tmp_path / "out")
    assert set(people.conditions) == {"secret hog", "secret carrier"}
    assert (people.summary()["games"] == 2).all()
    assert people.table().mean().sum() == pytest.approx(played["return"].mean() * 2)
    assert people.ratings("cole").shape == people.places().shape == (2, 2)
    made_up_export(tmp_path / "made_up", people=2)
    for name in ("rounds", "participants", "answers"):  # what notebooks are written for
        own = pd.read_csv(tmp_path / "made_up" / f"{name}.csv")
        assert set(own) <= set(pd.read_csv(tmp_path / "out" / f"{name}.csv"))
    keys = pd.read_csv(tmp_path / "out" / "keys.csv")
    assert (keys["pressed_ms"] == 1.0).all()
    book = (tmp_path / "out" / "codebook.md").read_text()
    tables = [pd.read_csv(path) for path in (tmp_path / "out").glob("*.csv")]
    assert all(f"`{column}`" in book for table in tables for column in table)


def test_platform_ids_and_tokens_are_apart_from_the_data(
    walked: tuple[Study, list[Person]], tmp_path: Path
) -> None:
    running, people = walked
    private = running.folder / "private" / "platform.jsonl"
    assert [row["ids"] for row in read_rows(private)] == [{"PROLIFIC_PID": "abc"}] * 2
    export(running.folder, tmp_path / "out")
    kept = [*running.folder.glob("*.*"), *running.folder.glob("[pg]a*/*"),
            *tmp_path.rglob("*.csv"), *tmp_path.rglob("*.md")]  # fmt: skip
    for path in kept:
        text = path.read_text()
        assert "abc" not in re.findall(r'"(\w+)"', text)
        for person in people:
            assert person.cookie.partition("=")[2] not in text


def test_an_altered_game_is_told_and_not_among_the_records(
    walked: tuple[Study, list[Person]], tmp_path: Path
) -> None:
    import shutil

    running, _ = walked
    shutil.copytree(running.folder, tmp_path / "copy")
    path = next(
        p for p in sorted((tmp_path / "copy" / "games").glob("*"))
        if not read_game(p).header.practice
    )  # fmt: skip
    lines = path.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if json.loads(line).get("step") == 3
                 and json.loads(line)["kind"] == "step")  # fmt: skip
    row = json.loads(lines[place])
    lines[place] = json.dumps(row | {"action": [(a + 1) % 4 for a in row["action"]]})
    path.write_text("\n".join(lines) + "\n")
    done = export(tmp_path / "copy", tmp_path / "out")
    assert done.differ == (path.stem,)
    rounds = pd.read_csv(tmp_path / "out" / "rounds.csv").set_index("game")
    assert rounds.loc[path.stem, "flag_differs"]
    assert rounds["flag_differs"].sum() == 1


def refusal(folder: Path, told: str) -> str:
    """Why a study cannot be run."""
    with pytest.raises(UserError) as error, study(folder, told):
        pass
    return str(error.value)


def closed_by(socket: Any) -> int:
    """The code with which the server closes a socket."""
    while True:
        try:
            socket.receive_text()
        except WebSocketDisconnect as closed:
            return closed.code


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Study]:
    with study(tmp_path / "tiny") as running:
        yield running


def test_refusal_stores_nothing(tiny: Study) -> None:
    before = files(tiny.folder)
    person = tiny.person()
    assert person.page()["kind"] == "consent"
    assert person.post("/api/consent", {"agree": False, "ids": {"PROLIFIC_PID": "x"}}).json()[
        "kind"] == "refused"  # fmt: skip
    assert person.cookie == ""
    assert person.post("/api/next", {"step": 0}).status_code == 401
    with pytest.raises(WebSocketDisconnect), person.socket() as socket:
        socket.receive_text()
    assert files(tiny.folder) == before


def test_texts_are_shown_without_html(tiny: Study) -> None:
    page = tiny.person().page()["html"]
    assert "<script" not in page
    assert "href" not in page
    assert "<h1>Take part?" in page


def test_wrong_answers_are_explained_and_counted(tiny: Study) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "questions")
    again = person.next(step=page["step"], choices=[1])
    assert again["kind"] == "questions"
    assert again["wrong"] == [{"question": 0, "explain": ""}]
    assert again["left"] == 1
    assert person.next(step=page["step"], choices=[1])["kind"] == "tutorial"  # goes on, flagged


def test_who_answers_wrongly_too_often_can_be_screened_out(tmp_path: Path) -> None:
    told = TINY.replace("attempts = 2", 'attempts = 1\nfailed = "screen out"')
    with study(tmp_path, told) as running:
        person = running.person()
        page = person.walk(lambda page: page["kind"] == "questions")
        end = person.next(step=page["step"], choices=[1])
        assert (end["kind"], end["why"], end["code"]) == ("end", "screened out", "")
        assert [one.counts for one in running.server.sessions.values()] == [False]


def test_the_same_press_twice_counts_once(tiny: Study) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "items")
    answers = {item["name"]: 2 for item in page["items"]}
    first = person.next(step=page["step"], answers=answers)
    second = person.next(step=page["step"], answers=answers)
    assert first["step"] == second["step"] == page["step"] + 1


@pytest.mark.parametrize("given", [{}, {"teamwork": 9}, {"teamwork": "x"}, [], None, {"a": [{}]}])
def test_what_is_no_answer_is_refused_in_words(tiny: Study, given: Any) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "items")
    answer = person.post("/api/next", {"step": page["step"], "answers": given})
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert person.page()["step"] == page["step"]


def test_the_tutorial_can_be_left_after_some_tries_only(tiny: Study) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "tutorial")
    assert not page["may_skip"]
    assert person.next(step=page["step"], skip=True)["kind"] == "tutorial"
    person.play(action=4)  # does nothing
    page = person.page()
    assert page["may_skip"]
    with person.socket() as socket:  # it is being played while it is skipped
        assert socket.receive_json()["type"] == "scene"
        assert person.next(step=page["step"], skip=True)["kind"] == "game"
        (session,) = tiny.server.sessions.values()
        assert session.who in tiny.server.hub.games  # the next one is there at once
        assert "tutorial" not in session.games
    person.walk()
    told = tiny.server.sessions[next(iter(tiny.server.sessions))]
    assert [row.get("skipped") for row in told.rows if row.get("step") == "tutorial"
            and row["kind"] == "done"] == [True]  # fmt: skip


def test_a_reload_in_a_game_comes_back_to_the_same_game(tiny: Study) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "game")
    person.play(until=lambda message: message["type"] == "state" and message["step"] >= 3)
    again = person.page()
    assert again["step"] == page["step"]
    person.play()
    assert person.page()["step"] == page["step"] + 1
    (session,) = tiny.server.sessions.values()
    steps = (row for row in session.rows if row["kind"] == "game" and row["step"] != "tutorial")
    game = next(steps)
    played = read_game(tiny.folder / "games" / f"{game['game']}.jsonl")
    assert len(played.steps) == 12
    assert [event["event"] for event in played.events].count("paused") == 1


def test_the_newest_tab_is_the_one(tiny: Study) -> None:
    person = tiny.person()
    person.walk(lambda page: page["kind"] == "game")
    with person.socket() as first:
        assert first.receive_json()["type"] == "scene"
        with person.socket() as second:
            assert second.receive_json()["type"] == "scene"
            assert closed_by(first) == REPLACED


def test_a_stopped_server_loses_no_step_and_people_come_back_to_their_game(tmp_path: Path) -> None:
    with study(tmp_path) as running:
        person = running.person()
        page = person.walk(lambda page: page["kind"] == "game")
        person.play(until=lambda message: message["type"] == "state" and message["step"] >= 4)
        (path,) = (p for p in (running.folder / "games").glob("*")
                   if not read_game(p).header.practice)  # fmt: skip
    before = read_game(path)
    assert before.end is None
    assert len(before.steps) >= 4
    path.write_bytes(path.read_bytes() + b'{"kind": "step", "st')  # what a kill leaves
    with study(tmp_path) as running:
        person.study = running
        assert person.page()["step"] == page["step"]
        assert person.play()["type"] == "over"
        after = read_game(path)
        assert after.actions[: len(before.steps)] == before.actions
        assert len(after.steps) == 12
        assert "resumed" in [event["event"] for event in after.events]
        assert person.walk()["why"] == "finished"
        done = export(running.folder, tmp_path / "out")
        assert done.differ == ()


def test_who_withdraws_frees_the_place_and_may_have_everything_deleted(tiny: Study) -> None:
    for keep in (True, False):
        person = tiny.person()
        person.walk(lambda page: page["kind"] == "items")
        who = list(tiny.server.sessions)[-1]
        games = [row["game"] for row in tiny.server.sessions[who].rows if row["kind"] == "game"]
        end = person.post("/api/withdraw", {"keep": keep}).json()
        assert (end["kind"], end["why"], end["code"]) == ("end", "withdrawn", "")
        assert person.page()["why"] == "withdrawn"
        there = [(tiny.folder / "games" / f"{game}.jsonl").exists() for game in games]
        assert there == [keep] * len(games)
        rows = read_rows(tiny.folder / "participants" / f"{who}.jsonl")
        assert (len(rows) > 2) is keep
    assert [one.counts for one in tiny.server.sessions.values()] == [False, False]


def test_a_client_that_sends_rubbish_or_floods_is_closed_and_the_study_goes_on(tiny: Study) -> None:
    person = tiny.person()
    page = person.walk(lambda page: page["kind"] == "game")
    act = json.dumps({"type": "act", "action": 0})
    for rubbish in (["hello"], ['{"type": "act", "action": 99}'], ["x" * 3_000], [act] * 500):
        with person.socket() as socket:
            for text in rubbish:
                socket.send_text(text)
            assert closed_by(socket) == RUBBISH
    evil = "http://evil.example"
    for headers in ({"origin": evil}, {"host": "evil.example"}, {"cookie": "x=y"}):
        with pytest.raises(WebSocketDisconnect), person.socket(**headers) as socket:
            socket.receive_text()
        given = person.post("/api/next", {"step": page["step"]}, **headers)
        assert given.status_code in (401, 403, 421)
    big = person.post("/api/problem", {"text": "x" * 100_000})
    assert big.status_code == 413
    assert person.walk()["why"] == "finished"


def test_only_files_that_are_meant_to_be_seen_are(tiny: Study) -> None:
    paths = ("/pages/..%2fserver.py", "/pages/../server.py", "/pages/%2e%2e/server.py",
             "/views/x.js", "/pages/play.html", "/private/tokens.jsonl",
             "/data/private/tokens.jsonl", "/views/..%2f..%2fserver.js")  # fmt: skip
    for path in paths:
        assert tiny.client.get(path).status_code == 404
    for path in ("/", "/pages/study.js", "/views/overcooked.js", "/monitor"):
        answer = tiny.client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert "http://" not in answer.text.replace("http://www.w3.org", "")
        assert "https://" not in answer.text


def test_the_experimenters_page_needs_its_token(tiny: Study) -> None:
    person = tiny.person()
    person.agree()
    for token in ("", "x", None, 5, {"a": 1}):
        assert person.post("/api/monitor", {"token": token}).status_code == 401
    told = person.post("/api/monitor", {"token": MONITOR}).json()
    assert [row["at"] for row in told["people"]] == ["text 1"]


def test_two_servers_do_not_share_a_folder_nor_two_studies(tmp_path: Path) -> None:
    other = TINY.replace("A tiny study", "Another")
    with study(tmp_path):
        assert "a server is at work" in refusal(tmp_path, TINY)
    assert "data of another study" in refusal(tmp_path, other)


def test_a_person_whose_first_line_was_cut_off_was_never_there(tmp_path: Path) -> None:
    with study(tmp_path) as running:
        running.person().agree()
        (path,) = (running.folder / "participants").glob("*")
    path.write_bytes(path.read_bytes()[:50])
    with study(tmp_path) as running:
        assert running.server.sessions == {}
