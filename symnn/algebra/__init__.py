"""The algebra: canonical terms, the zero test, proofs, compact forms and matrix form."""
