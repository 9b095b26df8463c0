"""Playing: matches, rollouts, episodes, cross-play, films."""
