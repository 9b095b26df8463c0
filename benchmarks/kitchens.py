"""Steps per second of 1,024 games in as many kitchens, beside as many games in one kitchen.

    python -m benchmarks.kitchens

Both show 26 channels in a frame of 9x9, and every observation of every agent is consumed by a
checksum; random actions, all games dealt anew after 400 steps, one device that may use all cores.
The single kitchen is folded into the program as constants, those of `ManyKitchens` are data; its
random draw is left out, so that all of them differ. Medians of seven, taken in turns.
"""

import jax

import zsc
from benchmarks.beside import checksum, ratio, seconds
from benchmarks.overcooked_steps import GAMES, REPEATS, STEPS, moves, text
from benchmarks.report import table, write_section
from zsc.envs.overcooked import ManyKitchens, RandomKitchens, stack_terrains

SIZE = (9, 9)
ENCODING = "padded:9x9"


def played(env, start, steps=STEPS, observed=True):
    """(key) -> a number that depends on every step of all games, and on what was seen."""

    def run(key, *terrains):
        state = start(key, *terrains)

        def step(carry, key):
            state, total = carry
            action = moves(key, (GAMES, 2))
            state, shown = jax.vmap(env.step, (None, 0, 0))(key, state, action)
            seen = shown.obs if observed else shown.reward
            return (state, total + checksum(seen)), None

        shown = jax.vmap(env.show)(state)
        carry = state, checksum(shown.obs if observed else shown.reward)
        (_, total), _ = jax.lax.scan(step, carry, jax.random.split(key, steps))
        return total.sum()

    return jax.jit(run)


def one_kitchen(layout, **how):
    """(turn) -> games that are all played in one kitchen."""
    env = zsc.make("overcooked", layout=layout, encoding=ENCODING)
    run = played(env, lambda key: jax.vmap(env.reset)(jax.random.split(key, GAMES))[0], **how)
    return lambda turn: run(jax.random.key(turn))


def many_kitchens(**how):
    """(turn) -> games that are each played in a kitchen of their own."""
    kitchens = RandomKitchens(seed=0, count=GAMES, size=SIZE)
    env = ManyKitchens(kitchens, SIZE)
    terrains = stack_terrains(kitchens.layouts, SIZE)
    # an argument, as kitchens that were drawn: as a constant XLA could work things out beforehand
    run = played(env, lambda key, terrains: jax.vmap(env.enter)(terrains), **how)
    return lambda turn: run(jax.random.key(turn), terrains)


def main() -> None:
    zsc.setup(devices=1)
    rows = []
    for what, observed in (("every observation consumed", True), ("states only", False)):
        sides = [many_kitchens(observed=observed)]
        for layout in ("cramped_room", LARGE):
            sides.append(one_kitchen(layout, observed=observed))
        many, small, large = seconds(sides, REPEATS)
        ratios = [ratio(many, other, 2) for other in (small, large)]
        rows.append([what, text(many), text(small), text(large), *ratios])
        print(rows[-1], flush=True)
    columns = ["", "1,024 kitchens", "cramped_room", "one of 9x9", "cramped_room", "one of 9x9"]
    write_section("kitchens", table(columns, rows))


LARGE = """
    XXXXXXXXX
    O       O
    X 1 X 2 X
    X   X   X
    P XXXXX P
    X   X   X
    X       X
    D   X   S
    XXXXXXXXX"""

if __name__ == "__main__":
    main()
