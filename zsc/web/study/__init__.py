"""Studies with people: a text file says what happens, a folder keeps what happened."""
