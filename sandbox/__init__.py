"""Four HTTP servers that speak TM Forum v4 or v5, with linked, seeded data: the gateway's embedded default.

`world` holds the data, generated per customer on first use. `systems` lists each server's APIs and resources,
`version5` converts rows to v5, `query` and `paging` implement TMF630. `switches` are the ways in which real
installations deviate, `vendors` those of four products. `app` is the ASGI application, and `server` runs it in a
thread. ``python -m sandbox --help`` explains how to start it.
"""
