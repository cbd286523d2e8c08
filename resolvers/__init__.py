"""How a field is answered: loaders, ownership rules and pure functions."""
