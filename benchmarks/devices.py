"""One pool on one and on two host devices.

    python -m benchmarks.devices

Eight self-play members on cramped_room; `--devices` 1 and 2 in processes of their own, since a
process splits its CPU once. One device may use both cores within each operation, and hardly does:
the operations are small. Medians of five, taken in turns.
"""

import subprocess
import sys
import time

import numpy as np

import zsc
from benchmarks.beside import ratio, span
from benchmarks.report import table, write_section
from zsc.populations.presets import preset
from zsc.train import fit, init_state, make_update
from zsc.train.method import Method
from zsc.train.state import steps_per_update

MEMBERS, UPDATES, REPEATS = 8, 40, 5


def cost_of_a_step(devices: int) -> float:
    """Seconds per environment step of all members, compiling apart."""
    zsc.setup(devices=devices)
    env = zsc.make("overcooked/cramped_room")
    known, method = preset(env.spec), Method("self_play")
    policy = known.network(env.spec)
    update = make_update(env, policy, method, known.learner)
    state = init_state(env, policy, method, known.learner, members=MEMBERS, seed=0, updates=1000)
    state = fit(update, state, updates=1, chunk=UPDATES)
    began = time.perf_counter()
    fit(update, state, updates=1 + UPDATES, chunk=UPDATES)
    return (time.perf_counter() - began) / (
        UPDATES * MEMBERS * steps_per_update(env, known.learner)
    )


def main() -> None:
    if len(sys.argv) > 1:
        print(cost_of_a_step(int(sys.argv[1])))
        return
    cost = np.zeros((2, REPEATS))
    for turn in range(REPEATS):
        for i, devices in enumerate((1, 2)):
            command = [sys.executable, "-m", "benchmarks.devices", str(devices)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            cost[i, turn] = float(said.split()[-1])
    text = [span(1e-3 / x, "{:.0f}", " k/s") for x in cost]
    rows = [[1, text[0], ""], [2, text[1], ratio(cost[1], cost[0])]]
    write_section("devices", table(["devices", "steps/s, all members", "ratio"], rows))


if __name__ == "__main__":
    main()
