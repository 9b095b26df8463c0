"""Evaluation: cross-play matrices, their statistics and their pictures.

from evaluation import crossplay

xp = crossplay(env, {"SP": pool, "OP": other}, episodes=32, seed=0)
"""

from evaluation.crossplay import CrossPlay, crossplay, load_crossplay

__all__ = ["CrossPlay", "crossplay", "load_crossplay"]
