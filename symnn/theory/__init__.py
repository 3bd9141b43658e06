"""Theory: Gaussian moments of activations, and what follows from them for the scale of initial weights."""
