"""Access control of the desk: sessions of browsers, tokens of programs, and limits of each."""
