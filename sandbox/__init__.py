"""Four HTTP servers that speak TM Forum v4, with linked, seeded data: the gateway's embedded default.

`world` holds the data (made per customer when it is asked for), `systems` says which API and resource each
server has, `query` and `paging` are the TMF630 rules, `switches` the ways a real installation misbehaves,
`app` is the ASGI application and `server` runs it in a thread. ``python -m sandbox --help`` starts it.
"""
