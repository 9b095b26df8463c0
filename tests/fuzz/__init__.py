"""Files of every kind, altered in many ways: each is read as it is meant or refused with one line.

`python -m tests.fuzz --files 5000 --seed 0` is the long run, `tests/test_fuzz.py` a short one.
"""
