"""Adding references to a gallery: embeddings, whole files, and photos."""
