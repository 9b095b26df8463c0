"""Steps per second beside the reference engines, which run one game at a time.

    python -m benchmarks.engines

Random legal actions; every observation of every agent is made on either side: the 26 channels of
`overcooked` 0.2.1 on cramped_room, the bits of `open-spiel` (the Hanabi Learning Environment) for
two and for five players. Here 1,024 games on one device. Medians of five, taken in turns.
"""

import random
import warnings

import zsc
from benchmarks import hanabi_steps, overcooked_steps
from benchmarks.beside import cost_of_a_step, ratio, span
from benchmarks.report import table, write_section

REPEATS, STEPS = 5, 400


def kitchen_engine():
    from overcooked.mdp.actions import Action  # type: ignore[import-untyped]
    from overcooked.mdp.overcooked_mdp import OvercookedGridworld  # type: ignore[import-untyped]

    rules = OvercookedGridworld.from_layout_name("cramped_room", old_dynamics=True)

    def play(turn):
        rng, state = random.Random(turn), rules.get_standard_start_state()
        for _ in range(STEPS):
            joint = rng.choice(Action.ALL_ACTIONS), rng.choice(Action.ALL_ACTIONS)
            state, _ = rules.get_state_transition(state, joint)
            rules.lossless_state_encoding(state)
        return STEPS

    return play


def hanabi_engine(players):
    import pyspiel  # type: ignore[import-not-found]

    game = pyspiel.load_game("hanabi", {"players": players})

    def play(turn):
        rng, steps = random.Random(turn), 0
        while steps < STEPS:
            state = game.new_initial_state()
            while not state.is_terminal():
                if state.is_chance_node():
                    cards, chances = zip(*state.chance_outcomes(), strict=True)
                    state.apply_action(rng.choices(cards, chances)[0])
                    continue
                state.apply_action(rng.choice(state.legal_actions()))
                steps += 1
                for seat in range(players):
                    state.observation_tensor(seat)
        return steps

    return play


def main() -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    games = {
        "Overcooked, cramped_room": (
            overcooked_steps.played("cramped_room", "grid"),
            kitchen_engine(),
        ),
        "Hanabi, 2 players": (hanabi_steps.played(2), hanabi_engine(2)),
        "Hanabi, 5 players": (hanabi_steps.played(5), hanabi_engine(5)),
    }
    rows = []
    for name, sides in games.items():
        cost = cost_of_a_step(sides, REPEATS)
        rows.append([name, *(span(1 / x, "{:,.0f}") for x in cost), ratio(*cost, digits=0)])
        print(rows[-1], flush=True)
    write_section("engines", table(["game", "here, steps/s", "engine, steps/s", "ratio"], rows))


if __name__ == "__main__":
    main()
