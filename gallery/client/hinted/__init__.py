"""The hinted scheme on the owner's side: RLWE with shared public matrices, and checked results.

For each column j a block is ``c_j = a_j*s + e_j + G_j`` in R, and a probe is
``y_j = sum(a'_jl*t_l) + p_j`` in its subring R'. All a are public, and shared by all blocks or all
probes of a gallery; s belongs to one block version, t to one probe. The server computes
``S = sum(c_j*y_j)``, and with the block's hint ``H_l = sum(c_j*a'_jl)`` the owner takes both masks
off: ``S - sum(t_l*H_l) - s*sum(a_j*p_j)``.
"""
