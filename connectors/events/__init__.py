"""What systems say of their own accord, made into hints: TM Forum hubs, products' webhooks, and polling.

An event is only a hint. It says that a record may have changed, never what is so: whoever hears it reads the record.
"""
