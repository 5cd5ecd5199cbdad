"""Arithmetic in the ring of polynomials, on the owner's side: transforms, noise, composition.

Both schemes of the client stand on it. Numba is imported with the modules that need it.
"""
