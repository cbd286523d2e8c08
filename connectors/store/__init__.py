"""What outlives a request and is shared by all processes: what became of each write, and locks.

Two stores with one interface (`WriteStore`): `memory`, for one process, and `redis`. They hold pointers to records, no
business data.
"""
