"""STORM beside the reference engine, jaxmarl 0.2.0's storm_2p, step by step and draw by draw.

    python -m tests.storm_oracle --steps 20000 --seed 0

Both get the same random keys. States, observations and ends are equal to the bit, rewards to 1e-6.
"""
