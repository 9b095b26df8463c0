"""Agents: policies, pools of them, and how they see a game."""
