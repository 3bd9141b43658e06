"""Integrals against a normal density: pieces, their terms, the table of integrals, and quadrature."""
