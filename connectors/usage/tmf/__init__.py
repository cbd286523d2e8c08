"""Usage by TM Forum APIs."""
