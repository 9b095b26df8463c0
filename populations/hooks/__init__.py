"""What several recipes share: ways to draw partners, checkpoints on the way, payoffs, starts.

Hooks are frozen dataclasses with `__call__`: equal settings are equal hooks, so that a second
training compiles nothing.
"""
