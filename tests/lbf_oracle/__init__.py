"""Foraging beside both reference engines, jumanji 1.1.2 and lbforaging 2.0.0, step by step.

    python -m tests.lbf_oracle --steps 20000 --seed 0

Cells, levels, what is eaten, observations, masks, ends: equal; rewards to 1e-6.
"""
