"""Videos and cameras: frames, faces tracked over them, and a search for each track."""
