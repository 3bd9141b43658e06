"""Flow graphs on networkx, their well-formedness, and the reference interpreter."""
