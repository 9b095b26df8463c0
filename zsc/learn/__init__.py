"""Learning from trajectories: pure functions without an environment."""
