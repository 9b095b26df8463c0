"""Step-by-step comparison of zsc's Overcooked with the reference engine.

The reference plays first and is written down (`Record`); then our engine replays the same actions
from the same start in one compiled batch, and every number of every step has to be equal. No
tolerance.

    python -m tests.oracle --steps 200000 --seed 0
    python -m tests.oracle --dynamics 2020 --steps 50000 --seed 0
    python -m tests.oracle --dynamics 2020 --cooks 3 --steps 20000 --seed 0
"""
