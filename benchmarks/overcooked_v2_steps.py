"""OvercookedV2 steps per second beside jaxmarl's, in one process.

    python -m benchmarks.overcooked_v2_steps

As `benchmarks.overcooked_steps`, in the paper's setting: a view of two cells, wrong dishes cost,
each delivery draws a recipe, agents start anywhere in their room.
"""

import sys
import warnings

import zsc
from benchmarks.overcooked_steps import beside, stepped, their_steps
from benchmarks.report import table, write_section
from zsc.envs.overcooked_v2 import PAPER

SETTING = {
    "view": 2,
    "negative_rewards": True,
    "sample_recipe_on_delivery": True,
    "random_positions": True,
}


def theirs(kitchen):
    from jaxmarl.environments.overcooked_v2.overcooked import OvercookedV2

    options = {k: v for k, v in SETTING.items() if k not in ("view", "random_positions")}
    return their_steps(
        OvercookedV2(kitchen, agent_view_size=2, random_agent_positions=True, **options)
    )


def main() -> None:
    zsc.setup(devices=1)
    warnings.simplefilter("ignore")
    rows = []
    for kitchen in sys.argv[1:] or PAPER:
        env = zsc.make(f"overcooked_v2/{kitchen}", **SETTING)
        grid = zsc.make(f"overcooked_v2/{kitchen}", encoding="grid", **SETTING)
        rows.append(beside(kitchen, (stepped(env), stepped(grid), theirs(kitchen))))
        print(rows[-1], flush=True)
    columns = ["kitchen", "compact", "channels", "jaxmarl 0.2.0", "compact", "channels"]
    if not sys.argv[1:]:
        write_section("overcooked-v2-steps", table(columns, rows))


if __name__ == "__main__":
    main()
