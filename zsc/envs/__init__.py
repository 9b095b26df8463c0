"""Games: the contract, the registry, the lever game and Overcooked."""
