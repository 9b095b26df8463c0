"""Games: the contract, the registry, the lever game, Dual Destination, Hanabi and Overcooked."""
