"""Enrollment: of embeddings, whole files and photos, and the search for duplicates before it."""
