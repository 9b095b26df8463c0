"""Recorded games, ours and people's."""
