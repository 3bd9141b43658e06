"""The ground floor: sizes, indices, tensors, the plain tree, substitution, the SymPy border, errors."""
