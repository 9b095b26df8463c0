"""What agents did in a game, in the game's own terms."""
