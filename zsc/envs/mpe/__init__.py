"""Particle worlds: spread, reference, speaker and listener, rendezvous."""

from zsc.envs.mpe.env import Particles
from zsc.envs.mpe.scenes import SCENES, Scene

__all__ = ["SCENES", "Particles", "Scene"]
