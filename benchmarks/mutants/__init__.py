"""How many faults the tests see: small changes of the code, one at a time.

    python -m benchmarks.mutants --mutants 100 --seed 0
    python -m benchmarks.mutants --only zsc/learn/ppo.py

Each mutant is one change (a comparison, a sign, a constant, an axis, two arms) in a copy of the
tree. The tests that mirror its file run first, then the rest of their folder; a mutant is seen if a
test fails or hangs. The named faults are always tried.
"""
