"""Make the held-out rosters that ship with the package: evaluation/rosters/GAME/vN.

    python -m benchmarks.rosters GAME [VERSION]        (make rosters: all of them)

Partners of a kitchen: four scripted cooks, three self-play seeds, and the checkpoint of each that
earns half as much. Partners of a Hanabi: four rule bots, two self-play and two other-play seeds. To
each the better of two best responses. A seat in which the best response earns less than the
least success does not count: there the partner cannot be worked with.
"""

import sys
import time
from functools import partial

import jax
import numpy as np

import zsc
from zsc.agents.bots import scripted_partners
from zsc.agents.pool import Pool, join
from zsc.evaluation.heldout import FOLDER, HeldOut, write_roster
from zsc.play.crossplay import versus
from zsc.populations import BestResponse, FictitiousCoPlay, OtherPlay, SelfPlay
from zsc.populations.presets import preset

GAMES = (
    "overcooked/cramped_room",
    "overcooked/asymmetric_advantages",
    "overcooked/coordination_ring",
    "overcooked/forced_coordination",
    "overcooked/counter_circuit",
    "overcooked/mirror_ring",
    "hanabi/tiny-2p",
)
SCRIPTED = {
    "overcooked": ("onion_carrier", "plate_server", "greedy_cook", "hog"),
    "hanabi": ("outer", "iggi", "piers", "van_den_bergh"),
}
#: no user's seeds: an agent trained with seed 0 shall not be one of these
SEED = 770_001
EPISODES = 64
TRIES = {"overcooked": 2, "hanabi": 1}
#: mean return from which on a seat counts: one soup in four episodes, half a card
LEAST = {"overcooked": 5.0, "hanabi": 0.5}


def trained_partners(env) -> tuple[Pool, list[str]]:
    """The trained partners and their names."""
    if env.spec.id.startswith("hanabi"):
        pools = [recipe(members=2).train(env, seed=SEED) for recipe in (SelfPlay, OtherPlay)]
        return join(pools), [f"{name} {i}" for name in ("self-play", "other-play") for i in (0, 1)]
    # the first stage of fictitious co-play: self-play seeds with their halfway checkpoints
    recipe = FictitiousCoPlay(members=1, partners=3)
    stages = recipe.train_partners(recipe.running(env, SEED))
    pool = join([stages.where(checkpoint="final"), stages.where(checkpoint="mid")])
    names = [f"self-play {i}{half}" for half in ("", " halfway") for i in range(3)]
    return pool, names


def make_roster(game: str, version: int) -> HeldOut:
    """Train partners and best responses of a game."""
    env, family = zsc.make(game), game.split("/")[0]
    scripted = scripted_partners(env)
    methods = [label.method for label in scripted.labels]
    scripted = scripted.take([methods.index(name) for name in SCRIPTED[family]])
    trained, names = trained_partners(env)
    # one partner who stays as it is takes no longer to learn than oneself does
    recipe = partial(BestResponse, tries=TRIES[family], steps=preset(env.spec).steps)
    responses = join([recipe(x).train(env, seed=SEED + 1) for x in (scripted, trained)])
    played = versus(
        env, [responses], [scripted, trained], episodes=EPISODES, key=jax.random.key(SEED)
    )
    place = np.arange(len(responses))
    best = played.values[..., 0].mean(-1)[place, place]  # [partner, seat]
    print(np.array2string(best, precision=1, suppress_small=True))
    return HeldOut(
        name=f"{game}@{version}",
        env=env,
        scripted=scripted,
        trained=trained,
        responses=responses,
        names=(*SCRIPTED[family], *names),
        counts=best >= LEAST[family],
    )


def main() -> None:
    zsc.setup()
    games = sys.argv[1:2] or GAMES
    version = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for game in games:
        folder = FOLDER / game / f"v{version}"
        if folder.exists():
            print(f"{folder} is there already: rosters are never changed, only given new versions")
            continue
        began = time.perf_counter()
        held = make_roster(game, version)
        write_roster(held, folder)
        print(f"{held.name}: {len(held.names)} partners, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
