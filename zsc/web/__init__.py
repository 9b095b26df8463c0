"""People in the loop: games in a browser, and studies. A roof beside the command line."""
