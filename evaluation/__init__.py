"""Evaluation: cross-play matrices, their statistics and their pictures.

from zsc.evaluation import crossplay

xp = crossplay(env, {"SP": pool, "OP": other}, episodes=32, seed=0)
"""

if __name__ != "zsc.evaluation":  # the folder seen from beside it: two copies of every class
    raise ImportError("import zsc.evaluation")

from zsc.evaluation.cross_play import CrossPlay, crossplay, load_crossplay

__all__ = ["CrossPlay", "crossplay", "load_crossplay"]
