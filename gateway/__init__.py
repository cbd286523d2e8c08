"""HTTP in front: the only package that knows Starlette, tokens, Redis and the command line."""
