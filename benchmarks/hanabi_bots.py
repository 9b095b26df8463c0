"""What the rule bots of Hanabi earn with themselves, for 2 to 5 players.

    python -m benchmarks.hanabi_bots

1,000 games per bot and number of players; intervals are over games, since a bot is one policy.
"""

import numpy as np

import zsc
from benchmarks.report import table, write_section
from zsc.agents.bots import HANABI_BOTS, hanabi_bots
from zsc.evaluation import crossplay

GAMES = 1_000


def scores(players: int) -> list[str]:
    """Mean with its 95 % interval over games, and the share of bombed games, for each bot."""
    env = zsc.make(f"hanabi/full-{players}p")
    cells = []
    for bot in HANABI_BOTS:
        played = crossplay(env, {bot: hanabi_bots(env, (bot,))}, episodes=GAMES, seed=players)
        score = played.games("return")[0, 0, 0]
        half = 1.96 * score.std(ddof=1) / np.sqrt(GAMES)
        # the row's bot loses the last life in its own seat only, so all seatings are summed up
        bombed = sum(played.matrix("bomb", seat)[0, 0] for seat in range(players))
        cells.append(f"{score.mean():.2f} ± {half:.2f}" + (f" ({bombed:.0%})" if bombed else ""))
    return cells


def main() -> None:
    zsc.setup()
    columns = [scores(players) for players in (2, 3, 4, 5)]
    rows = [list(row) for row in zip(HANABI_BOTS, *columns, strict=True)]
    write_section("hanabi-bots", table(["bot", *(f"{n} players" for n in (2, 3, 4, 5))], rows))


if __name__ == "__main__":
    main()
