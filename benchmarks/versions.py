"""This tree beside another commit: trained parameters bit for bit, and seconds per update.

    python -m benchmarks.versions COMMIT [--rounds 3] [--updates 40]

The commit is checked out into a temporary folder, and the same file runs with either tree's
packages, in turns. Commits from before the recipes had today's names cannot be compared.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import jax
import numpy as np

ROOT = Path(__file__).parent.parent


def trainings() -> Iterator[tuple[str, Callable]]:
    """Small trainings of every kind, by name."""
    import zsc
    from zsc import PPOConfig, cnn_policy, gru_policy, mlp_policy
    from zsc.populations import BestResponse, FictitiousCoPlay, HighEntropy, OtherPlay, SelfPlay

    kitchen = zsc.make("overcooked/cramped_room", horizon=40)
    grid = zsc.make("overcooked/cramped_room", horizon=40, encoding="grid")
    mirror = zsc.make("overcooked/mirror_ring", horizon=40)
    tiny, lever = zsc.make("hanabi/tiny-2p"), zsc.make("lever")
    small = PPOConfig(envs=4, segments=4, epochs=2, minibatches=2)
    turns = PPOConfig(envs=8, segments=3, epochs=2, minibatches=2, shaping_steps=0)
    mlp = partial(mlp_policy, widths=(16,))
    gru = partial(gru_policy, widths=(16,), hidden=8)
    cnn = partial(cnn_policy, channels=(4,), widths=(8,))
    cook = {"steps": 960, "learner": small, "network": mlp}
    cards = {"steps": tiny.spec.horizon * 32, "learner": turns, "network": gru}
    uniform = FictitiousCoPlay.uniform
    two = {"partners": 2, "blocks": 2}
    yield "self-play", lambda: SelfPlay(members=4, **cook).train(kitchen, seed=3)
    yield "self-play GRU", lambda: SelfPlay(members=3, **cook | {"network": gru}).train(kitchen)
    yield "self-play CNN", lambda: SelfPlay(members=2, **cook | {"network": cnn}).train(grid)
    yield "other-play", lambda: OtherPlay(members=2, **cook).train(mirror, seed=3)
    yield "high entropy", lambda: HighEntropy(members=2, steps=960, learner=small).train(kitchen)
    yield (
        "fictitious co-play",
        lambda: uniform(
            members=2, partner_steps=960, partner_learner=small, snapshots=3, **two, **cook
        ).train(kitchen, seed=3),
    )
    yield (
        "best response",
        lambda: BestResponse(SelfPlay(members=2, **cook).train(kitchen), tries=2, **cook).train(
            kitchen, seed=3
        ),
    )
    yield "other-play, levers", lambda: OtherPlay(members=3, steps=1280).train(lever, seed=3)
    yield "self-play, Hanabi", lambda: SelfPlay(members=2, **cards).train(tiny, seed=3)
    yield "other-play, Hanabi", lambda: OtherPlay(members=2, **cards).train(tiny, seed=3)
    yield (
        "fictitious co-play, Hanabi",
        lambda: uniform(
            members=1,
            snapshots=2,
            partner_steps=cards["steps"],
            partner_learner=turns,
            **two,
            **cards,
        ).train(tiny, seed=3),
    )


def digest(pool) -> str:
    """A hash of all parameters."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(pool.params):
        found.update(np.ascontiguousarray(leaf).tobytes())
    return found.hexdigest()[:16]


def seconds_per_update(updates: int) -> dict[str, float]:
    """The median of warm updates of four trainings."""
    import zsc
    from zsc import PPOConfig, cnn_policy, gru_policy, mlp_policy
    from zsc.populations.hooks.partners import DrawPartners, table_of, take_table

    kitchen = zsc.make("overcooked/cramped_room")
    grid = zsc.make("overcooked/cramped_room", encoding="grid")
    cook = mlp_policy(kitchen.spec)
    many = jax.lax.map(cook.init, jax.random.split(jax.random.key(1), 24))
    spec = zsc.MatchSpec("partner", partner=cook, blocks=8)
    meets = zsc.Method("co-play", (spec,), init=take_table, match=DrawPartners((spec,), 16, 2))
    table = table_of(np.tile(np.arange(24), (2, 1)))
    alone = zsc.Method("self_play")
    cases = {
        "MLP, 8 members": (kitchen, cook, alone, PPOConfig(), 8, ()),
        "CNN, 2 members": (grid, cnn_policy(grid.spec), alone, PPOConfig(), 2, ()),
        "GRU, 2 members": (kitchen, gru_policy(kitchen.spec), alone, PPOConfig(), 2, ()),
        "co-play, 2 members": (kitchen, cook, meets, PPOConfig(envs=16), 2, (table, many)),
    }
    found = {}
    for name, (env, policy, method, learner, members, partners) in cases.items():
        state = zsc.init_state(
            env, policy, method, learner, partners=partners, members=members, seed=0, updates=1000
        )
        update, spent = jax.jit(zsc.make_update(env, policy, method, learner)), []
        for _ in range(updates + 1):
            began = time.perf_counter()
            state, _ = update(state)
            jax.block_until_ready(state.params)
            spent.append(time.perf_counter() - began)
        found[name] = float(np.median(spent[1:]))
    return found


def run(tree: Path, *given: str) -> dict:
    """What this file prints with the packages of a tree."""
    command = [sys.executable, str(Path(__file__).resolve()), *given]
    places = {"PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=os.environ | places, check=True, stdout=-1)
    return json.loads(done.stdout.splitlines()[-1])


def main(commit: str, rounds: int, updates: int) -> None:
    """Print both comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(before)], check=True)
        subprocess.run(["git", "checkout", "-q", commit], cwd=before, check=True)
        ours, theirs = (run(tree, "--digests") for tree in (ROOT, before))
        for name, found in ours.items():
            print(f"{name:28s} {'the same' if theirs[name] == found else 'DIFFERENT'}", flush=True)
        turns = [(run(ROOT, "--speed", str(updates)), run(before, "--speed", str(updates)))
                 for _ in range(rounds)]  # fmt: skip
        for name in turns[0][0]:
            ratios = [theirs[name] / ours[name] for ours, theirs in turns]
            low, middle, high = min(ratios), np.median(ratios), max(ratios)
            print(f"{name:28s} {middle:.2f} times as fast ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--digests", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--speed", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.digests or asked.speed:
        import zsc

        zsc.setup()
        print(json.dumps({name: digest(train()) for name, train in trainings()}
                         if asked.digests else seconds_per_update(asked.speed)))  # fmt: skip
    elif asked.commit:
        main(asked.commit, asked.rounds, asked.updates)
    else:
        parser.error("which commit? e.g. HEAD~1")
