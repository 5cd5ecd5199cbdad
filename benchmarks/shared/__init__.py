"""Parts that two programs or more use: the machine, peak memory, the server, random vectors."""
