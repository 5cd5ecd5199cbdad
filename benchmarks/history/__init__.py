"""History of the comparison with other schemes: figures by commit, and their plot."""
