"""The kinds of files that are read, an original of each, and all that reads it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import safetensors.numpy
from hypothesis import strategies as st

import zsc
from tests.fuzz.edits import changed_bytes, changed_file, changed_json
from tests.records.test_hanabi_files import as_arrays, as_live, as_log, log_of, played_out
from tests.web.studies import text_of
from zsc.cli.judge import Report, _provenance
from zsc.cli.settings import read_config, with_settings
from zsc.cli.shared import Game, env_of
from zsc.envs.base import settings_of
from zsc.evaluation import crossplay, load_crossplay
from zsc.evaluation.heldout import FOLDER, read_roster
from zsc.evaluation.made_up import made_up_export
from zsc.evaluation.paired import compare
from zsc.evaluation.people import read_export, with_and_without
from zsc.evaluation.plots import read_curves
from zsc.populations import SelfPlay
from zsc.records.hanabi_files import hanabi_of
from zsc.records.overcooked_tables import human_games
from zsc.records.record import load_record
from zsc.train.run import RunFolder
from zsc.train.sinks import JsonLines, Progress
from zsc.web.log import Header
from zsc.web.stage import Cast, Stage, mark
from zsc.web.study.casting import find
from zsc.web.study.export import export
from zsc.web.study.order import Cell
from zsc.web.study.plan import read_plan
from zsc.web.study.session import Session, assign
from zsc.web.study.store import Store

LEVER = zsc.make("lever", rounds=2)
ROOM = zsc.make("overcooked/cramped_room", horizon=6)
PPO = zsc.PPOConfig(envs=2, segments=1, epochs=1, minibatches=1, shaping_steps=0)


def small(spec: zsc.EnvSpec) -> zsc.Policy:
    """A network of no size."""
    return zsc.mlp_policy(spec, widths=(4,))


RECIPE = SelfPlay(members=2, steps=8, learner=PPO, network=small)


class Kind(NamedTuple):
    """A kind of file.

    file: the one that is altered, in the folder of originals. edit: of its bytes. read: what is
    done with the folder by whoever believes in it.
    """

    file: str
    edit: Callable[[bytes], st.SearchStrategy[bytes]]
    read: Callable[[Path], object]
    mend: Callable[[Path], None] = lambda folder: None  # hashes in other files


def originals(folder: Path) -> None:
    """One file of each kind."""
    run = folder / "run"
    pool = RECIPE.train(LEVER, seed=1, out=run)
    states = run / "state"
    assert list(states.glob("*.safetensors"))
    for state in sorted(states.glob("*.safetensors"))[:-1]:
        state.unlink()
    next(states.glob("*.safetensors")).rename(states / "main-00000002.safetensors")
    shutil.copytree(run / "pool", folder / "pool")
    played = crossplay(LEVER, {"one": pool, "two": pool.take([0])}, episodes=2, seed=0)
    played.save(folder / "matrix")
    told = {"format": "zsc-crossplay", "command": "zsc", "bots": False, "runs": {"one": str(run)}}
    (folder / "matrix" / "manifest.json").write_text(json.dumps(told))
    cooks = zsc.overcooked_bots(ROOM, ("hog", "random"))
    seen = zsc.record(ROOM, (cooks.take([0]), cooks.take([1])), episodes=2)
    seen.save(folder / "games.safetensors", ROOM, notes={"who": ["hog", "random"]})
    shutil.copytree(FOLDER / "overcooked/cramped_room/v1", folder / "roster")
    (folder / "settings.toml").write_text("steps = 1e4\nmembers = 3\n[learner]\ngamma = 0.9\n")
    (folder / "settings.json").write_text('{"steps": 1e4, "members": 3, "learner": {"envs": 8}}')
    (folder / "kitchen.txt").write_text(ROOM.kitchen.text())
    _people(folder / "people")
    table = _table()
    table.to_csv(folder / "people.csv", index=False)
    table.to_pickle(folder / "people.pickle")
    made_up_export(folder / "export", people=3)
    (folder / "gamea.log").write_text(as_log(11, log_of(11)))
    hands = [played_out(1)]
    (folder / "live.json").write_text(json.dumps(as_live(hands[0], 2, ["Ann", "Bob"])))
    safetensors.numpy.save_file(as_arrays(hands, 2), folder / "ah2ac2.safetensors")


def _people(folder: Path) -> None:
    """A study's folder with one person, and a game of lever."""
    text = text_of(folder)
    casting = find(text)
    store = Store(folder / "data", text, casting)
    plan = text.plan
    drawn = assign(plan, Cell(0, 0, 0), ((1, 1), (1, 1)), (), 0)
    person = Session("somebody", plan, drawn, "CODE", 5.0)
    store.admit(person, "token", {})
    for step in person.steps[:3]:
        store.add(person, "done", step=step.name)
    store.add(person, "end", why="withdrawn")
    stage = Stage(Cast(LEVER), 3)
    header = Header("game", "lever", LEVER.spec.version, settings_of(LEVER), 3,
                    {"0": "somebody", "1": "other"}, (), 0.15, 5.0)  # fmt: skip
    lines = store.game(header)
    for step in range(2):
        shown = stage.step([step, 1])
        row = {"kind": "step", "step": step, "action": [step, 1], "reward": shown.reward.tolist()}
        key = {"0": {"action": step, "at": 1.0, "got": 2.0, "seen": step}}
        lines.add(row | {"mark": mark(shown.snapshot), "at": 6.0, "keys": key})
    lines.add({"kind": "event", "event": "focus lost", "seat": 0, "step": 1, "at": 7.0})
    lines.add({"kind": "end", "why": "finished", "steps": 2, "at": 8.0})
    lines.close()
    store.close()


def read_people(folder: Path) -> None:
    """Export everything."""
    done = export(folder / "people" / "data", folder / "new")
    assert (done.folder / "codebook.md").exists()


def read_tables(folder: Path) -> None:
    """All that is worked out from an export."""
    people = read_export(folder / "export")
    with_and_without(people, ())
    people.ratings("cole")
    people.places()
    compare(people.table().dropna())


def read_hanabi(folder: Path, name: str) -> None:
    """Games of people, by the rules."""
    found = hanabi_of(folder / name)
    assert found is None or len(found.games) == len(found.record.length)


def _table() -> Any:
    import pandas as pd

    players = [{"position": [x, 1], "orientation": [0, -1], "held_object": None} for x in (1, 3)]
    row = {
        "state": json.dumps({"objects": [], "players": players}),
        "joint_action": json.dumps([[0, -1], "interact"]),
        "layout": json.dumps(ROOM.kitchen.text().splitlines()),
        "layout_name": "cramped_room",
        "trial_id": 1,
        "cur_gameloop": 0,
    }
    return pd.DataFrame([row | {"cur_gameloop": t} for t in range(3)])


def as_json(data: bytes) -> st.SearchStrategy[bytes]:
    """What a JSON file says, changed; or its bytes."""
    told = changed_json(json.loads(data)).map(lambda value: json.dumps(value).encode())
    return told | told | told | changed_bytes(data)


def as_rows(data: bytes) -> st.SearchStrategy[bytes]:
    """What the lines of a file say, changed; or its bytes."""
    rows = [json.loads(line) for line in data.splitlines()]
    told = changed_json(rows).map(
        lambda value: b"".join(json.dumps(row).encode() + b"\n" for row in _listed(value))
    )
    return told | changed_bytes(data)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def read_pool(folder: Path) -> None:
    """Load, show, store under another name and load again."""
    pool = zsc.load_pool(folder / "pool")
    assert pool._repr_html_().count("<tr>") == len(pool) + 1
    again = zsc.load_pool(pool.save(folder / "new"))
    assert (again.ids, again.labels) == (pool.ids, pool.labels)
    _provenance("x", folder / "pool")


def read_matrix(folder: Path) -> None:
    """Load, print, store under another name."""
    played = load_crossplay(folder / "matrix")
    assert len(played.groups) == len(played.names) == len(played.ids)
    if "return" in played.metrics and played.values.size:
        played.matrix_frame()
    played.save(folder / "new")


def read_games(folder: Path) -> None:
    """Load, store under another name."""
    env, seen, notes = load_record(folder / "games.safetensors")
    assert seen.action.max() < env.spec.num_actions
    seen.save(folder / "new" / "games", env, notes=notes)


def read_run(folder: Path) -> None:
    """Find its game, tell where it is from, go on with it."""
    env_of((folder / "run",))
    _provenance("x", folder / "run")
    _resume(folder)


def _resume(folder: Path) -> None:
    RECIPE.train(LEVER, seed=1, out=folder / "run", resume=True)


def read_state(folder: Path) -> None:
    """Go on with a run from its saved state."""
    run = RunFolder.open(folder / "run")
    try:
        run.latest("main", _state())
    finally:
        run.lock.drop()


def _state() -> Any:
    policy = small(LEVER.spec)
    method = zsc.Method("sp")
    return zsc.init_state(LEVER, policy, method, PPO, members=2, seed=1, updates=2)


def read_metrics(folder: Path) -> None:
    """Draw the curve; a copy is gone on with."""
    (folder / "new").mkdir()
    copy = Path(shutil.copy(folder / "run" / "metrics.jsonl", folder / "new"))
    before = copy.read_bytes()
    try:
        JsonLines(copy).start(Progress(1, 2, 4, 2))
    except zsc.UserError:
        assert copy.read_bytes() == before
    steps, returns = read_curves(folder / "run")
    assert np.shape(steps)[0] == len(returns)


def read_settings(folder: Path, name: str) -> None:
    """The recipe that a file of settings makes."""
    with_settings(RECIPE, LEVER.spec, read_config(folder / name))


def fix_hash(folder: Path) -> None:
    """Let the manifest of the pool have the hash of its file."""
    (file,) = (folder / "pool").glob("*.safetensors")
    path = folder / "pool" / "manifest.json"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": digest}))


def kinds(folder: Path) -> dict[str, Kind]:
    """All kinds, by name. folder: the originals."""
    (arrays,) = (folder / "pool").glob("*.safetensors")
    jax.block_until_ready(jax.tree.leaves(_state().params))
    crossed = lambda place: Report((place / "matrix",), place / "new.html")._what()
    return {
        "pool manifest": Kind("pool/manifest.json", as_json, read_pool),
        "pool arrays": Kind(f"pool/{arrays.name}", changed_file, read_pool, fix_hash),
        "cross-play": Kind("matrix/crossplay.safetensors", changed_file, read_matrix),
        "cross-play manifest": Kind("matrix/manifest.json", as_json, crossed),
        "recorded games": Kind("games.safetensors", changed_file, read_games),
        "run manifest": Kind("run/manifest.json", as_json, read_run),
        "training state": Kind("run/state/main-00000002.safetensors", changed_file, read_state),
        "metrics": Kind("run/metrics.jsonl", as_rows, read_metrics),
        "roster": Kind("roster/roster.json", as_json, lambda place: read_roster(place / "roster")),
        "study": Kind(
            "people/study-as-given.toml",
            changed_bytes,
            lambda place: read_plan(place / "people" / "study-as-given.toml"),
        ),
        "study's data": Kind("people/data/study.json", as_json, read_people),
        "person of a study": Kind("people/data/participants/somebody.jsonl", as_rows, read_people),
        "game of people": Kind("people/data/games/game.jsonl", as_rows, read_people),
        "settings": Kind(
            "settings.toml", changed_bytes, partial(read_settings, name="settings.toml")
        ),
        "settings in JSON": Kind(
            "settings.json", as_json, partial(read_settings, name="settings.json")
        ),
        "kitchen": Kind(
            "kitchen.txt", changed_bytes, lambda place: Game(layout=place / "kitchen.txt").make()
        ),
        "table": Kind(
            "people.csv", changed_bytes, lambda place: human_games(place / "people.csv", ROOM)
        ),
        "rounds": Kind("export/rounds.csv", changed_bytes, read_tables),
        "answers": Kind("export/answers.csv", changed_bytes, read_tables),
        "HanabiData": Kind("gamea.log", changed_bytes, partial(read_hanabi, name="gamea.log")),
        "hanabi.live": Kind("live.json", as_json, partial(read_hanabi, name="live.json")),
        "AH2AC2": Kind(
            "ah2ac2.safetensors", changed_file, partial(read_hanabi, name="ah2ac2.safetensors")
        ),
        "pickled table": Kind(
            "people.pickle", changed_bytes, lambda place: human_games(place / "people.pickle", ROOM)
        ),
    }
