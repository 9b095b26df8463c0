"""Step-by-step comparison of zsc's Hanabi with the reference engine, open_spiel's `hanabi`.

The reference plays first and is written down (`Record`); then our engine plays the same moves with
the same deck in one compiled batch, and every number of every state has to be equal. No tolerance.

    python -m tests.hanabi_oracle --games 2000 --seed 0
"""
