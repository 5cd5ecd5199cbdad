"""Who may ask the desk for what: sessions of browsers, tokens of programs, and limits of each."""
