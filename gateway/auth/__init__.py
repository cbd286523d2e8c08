"""From a bearer token to a viewer, and what that viewer may ask at all."""
