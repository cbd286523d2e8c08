"""Four HTTP servers that speak TM Forum v4 or v5, with linked, seeded data: the gateway's embedded default.

`world` holds the data (made per customer when it is asked for), `systems` says which API and resource each server
has, `version5` has the same rows in v5's shape, `query` and `paging` are the TMF630 rules, `switches` the ways a real
installation misbehaves, `vendors` those of four products, `app` is the ASGI application and `server` runs it in a
thread. ``python -m sandbox --help`` starts it.
"""
