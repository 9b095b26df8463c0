"""Agents: policies, pools of them, and how they see a game."""

from zsc.agents import bots, guessing, told  # noqa: F401  their policies are registered
