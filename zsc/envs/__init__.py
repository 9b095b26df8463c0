"""Games: the contract, the registry, and one file or folder for each game."""
